//! Questions that a group's coordinator answers. They have a client of their own, which goes when an answer does not come in time.
//!
//! librdkafka 2.12.1 ends the process, by an assertion in `rd_kafka_enq_once_del_source_return`, where such a request has timed out while its
//! coordinator was away and the coordinator comes back: the request is sent after its end. So none may time out: each is given more time than
//! anybody waits for it (`Handle::ask_coordinator`), and then the client goes, and the request with it.

use std::sync::{Arc, Mutex, PoisonError};

use super::ffi::{Code, Handle, KafkaError};
use super::settings::{KafkaSettings, PropertyError};

pub(super) struct Coordinated {
    settings: KafkaSettings,
    /// Between two questions.
    idle: Mutex<Option<Arc<Handle>>>,
}

impl Coordinated {
    pub fn new(settings: &KafkaSettings) -> Self {
        Self { settings: settings.clone(), idle: Mutex::default() }
    }

    /// Makes the client, so that it is connected when a question comes.
    pub fn begin(&self) -> Result<(), PropertyError> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.is_none() {
            *idle = Some(self.settings.admin()?);
        }
        Ok(())
    }

    /// Asks once.
    pub fn ask<T>(&self, question: impl FnOnce(&Arc<Handle>) -> Result<T, KafkaError>) -> Result<T, KafkaError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).take();
        let client = match idle {
            Some(client) => client,
            None => self.settings.admin().map_err(|why| KafkaError::said(Code::RD_KAFKA_RESP_ERR__INVALID_ARG, why.why))?,
        };
        let answer = question(&client);
        if !answer.as_ref().is_err_and(|error| error.code == Code::RD_KAFKA_RESP_ERR__TIMED_OUT) {
            *self.idle.lock().unwrap_or_else(PoisonError::into_inner) = Some(client);
        }
        answer
    }
}
