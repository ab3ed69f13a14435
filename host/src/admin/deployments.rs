//! Deployments into the state folder of a running host: planned and published by it, as it holds the log.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::desk::Desk;
use crate::deploy::{self, Overrides, Rollout, Signature};
use crate::error::Diagnostic;

/// Asks what a deployment would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// The manifest's file, from the root on.
    pub manifest: PathBuf,
}

/// What a deployment would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanReport {
    /// `app.id`.
    pub app: String,
    /// The number of the deployment that is published; null: there is none.
    pub planned_on: Option<u64>,
    /// One name for manifest and components.
    pub digest: String,
    /// Whether it is published already.
    pub is_there: bool,
    /// What it would change, in lines for a person.
    pub lines: Vec<String>,
}

/// Asks for the publication of what was planned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployRequest {
    /// The manifest's file, from the root on.
    pub manifest: PathBuf,
    /// See [`PlanReport::planned_on`].
    pub planned_on: Option<u64>,
    /// See [`PlanReport::digest`]: what changes on the disk in between is not published.
    pub digest: String,
    /// Who vouches for it; null: nobody.
    #[serde(default)]
    pub signature: Option<Signature>,
}

/// What is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeployedReport {
    /// The number of the last deployment; null: there is none.
    pub version: Option<u64>,
}

impl PlanReport {
    /// What a rollout is.
    pub fn new(rollout: &Rollout) -> Self {
        Self {
            app: rollout.app.to_string(),
            planned_on: rollout.planned_on,
            digest: rollout.digest(),
            is_there: rollout.is_there(),
            lines: rollout.told(),
        }
    }
}

impl Desk {
    /// The last deployment of the app.
    pub fn deployed(&self) -> Result<DeployedReport, Diagnostic> {
        Ok(DeployedReport { version: deploy::last_deployment(&*self.broker, &self.app)? })
    }

    /// What a deployment would change.
    pub fn plan(&self, request: &PlanRequest) -> Result<PlanReport, Vec<Diagnostic>> {
        self.rollout(&request.manifest).map(|rollout| PlanReport::new(&rollout))
    }

    /// Publishes what was planned.
    pub fn deploy(&self, request: &DeployRequest) -> Result<DeployedReport, Vec<Diagnostic>> {
        let rollout = self.rollout(&request.manifest)?;
        let version = rollout.publish_as_planned(&*self.broker, request.planned_on, &request.digest, request.signature.as_ref());
        let version = version.map_err(|why| vec![why])?;
        Ok(DeployedReport { version: Some(version) })
    }

    fn rollout(&self, manifest: &std::path::Path) -> Result<Rollout, Vec<Diagnostic>> {
        let engine = deploy::engine().map_err(|why| vec![why])?;
        Rollout::plan(&engine, manifest, &*self.broker, &Overrides::default())
    }
}
