//! From an error of librdkafka to one of the port: whether trying again makes sense.

use super::ffi::{Code, KafkaError};
use super::settings::PropertyError;
use crate::broker::port::{BrokerError, Retry};

/// An error of a call, with what was tried.
pub(super) fn failed(what: impl Into<String>, error: &KafkaError) -> BrokerError {
    failed_as(what, error, retry(error))
}

/// As `failed`, where the call says what helps.
pub(super) fn failed_as(what: impl Into<String>, error: &KafkaError, retry: Retry) -> BrokerError {
    BrokerError::Failed { what: what.into(), why: text(error), retry }
}

/// A client that cannot be made.
pub(super) fn refused(error: &PropertyError) -> BrokerError {
    let what = if error.key.is_empty() { "make a client".to_owned() } else { format!("set the property '{}'", error.key) };
    BrokerError::Failed { what, why: error.why.clone(), retry: Retry::Never }
}

/// The table.
///
/// | error | retry |
/// |---|---|
/// | broker or coordinator away or moving, time-out | the same call |
/// | the group goes through a rebalance, or this member's session is over | rewind |
/// | a record waited too long for its delivery; whatever else librdkafka says only an abort helps against | rewind |
/// | another member has this one's name | rejoin |
/// | another producer has this one's name, or its transaction was aborted by the cluster for its age | recreate |
/// | everything else: rights, settings | never |
///
/// What becomes of a transaction whose commit was asked for, the commit says itself: in doubt, and fenced besides where this says recreate.
pub(super) fn retry(error: &KafkaError) -> Retry {
    use Code as C;
    match error.code {
        C::RD_KAFKA_RESP_ERR__TIMED_OUT
        | C::RD_KAFKA_RESP_ERR__TRANSPORT
        | C::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
        | C::RD_KAFKA_RESP_ERR__RESOLVE
        // A broker that is away is no part of the cluster's metadata.
        | C::RD_KAFKA_RESP_ERR__DESTROY_BROKER
        | C::RD_KAFKA_RESP_ERR__WAIT_COORD
        | C::RD_KAFKA_RESP_ERR__RETRY
        | C::RD_KAFKA_RESP_ERR__PARTIAL
        | C::RD_KAFKA_RESP_ERR__NO_OFFSET
        | C::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT
        | C::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS
        | C::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
        | C::RD_KAFKA_RESP_ERR_NOT_COORDINATOR
        | C::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
        | C::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE
        | C::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
        | C::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
        | C::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION
        | C::RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE
        | C::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE
        | C::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS
        | C::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND
        | C::RD_KAFKA_RESP_ERR_NOT_CONTROLLER
        | C::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH
        | C::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH
        | C::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE => Retry::Same,
        C::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION
        | C::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID
        | C::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS
        | C::RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST
        | C::RD_KAFKA_RESP_ERR__STATE
        | C::RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS
        | C::RD_KAFKA_RESP_ERR__MSG_TIMED_OUT
        | C::RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE
        | C::RD_KAFKA_RESP_ERR__PURGE_QUEUE
        | C::RD_KAFKA_RESP_ERR__PURGE_INFLIGHT => Retry::Rewind,
        C::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID => Retry::Rejoin,
        C::RD_KAFKA_RESP_ERR__FENCED
        | C::RD_KAFKA_RESP_ERR_PRODUCER_FENCED
        | C::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH
        | C::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_ID_MAPPING
        | C::RD_KAFKA_RESP_ERR_UNKNOWN_PRODUCER_ID
        | C::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER
        | C::RD_KAFKA_RESP_ERR_INVALID_TXN_STATE => Retry::Recreate,
        C::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
        | C::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
        | C::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
        | C::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED => Retry::Never,
        _ if error.resumable => Retry::Same,
        _ if error.voids => Retry::Rewind,
        _ => Retry::Never,
    }
}

/// True for a record that the topic refuses and would refuse again.
pub(super) fn refuses_the_record(error: &KafkaError) -> bool {
    use Code as C;
    matches!(
        error.code,
        C::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE
            | C::RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE
            | C::RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP
            | C::RD_KAFKA_RESP_ERR_INVALID_RECORD
            | C::RD_KAFKA_RESP_ERR_INVALID_MSG
            | C::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE
    )
}

/// True for a topic or partition that is not there.
pub(super) fn is_unknown(error: &KafkaError) -> bool {
    use Code as C;
    matches!(
        error.code,
        C::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART | C::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION | C::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC
    )
}

/// True for an offset that retention has passed.
pub(super) fn is_gone(error: &KafkaError) -> bool {
    matches!(error.code, Code::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET | Code::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
}

fn text(error: &KafkaError) -> String {
    match error.code {
        Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID => {
            format!("{}: another host has the same instance-id and took this one's place", error.text)
        }
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED
        | Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED
        | Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED
        | Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED => {
            format!("{}: the user of [broker.client] has not the right; `cofferdam check --acls` lists what an app needs", error.text)
        }
        Code::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT => {
            format!("{}: transaction.timeout.ms of [broker.client] is more than the cluster's transaction.max.timeout.ms", error.text)
        }
        Code::RD_KAFKA_RESP_ERR__FENCED => {
            format!("{}: a transaction took longer than the cluster allows, or another host has the same instance-id", error.text)
        }
        _ => error.text.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_of_errors_says_what_helps() {
        use Code as C;
        let plain = KafkaError::of;
        let table = [
            (plain(C::RD_KAFKA_RESP_ERR__TIMED_OUT), Retry::Same),
            (plain(C::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT), Retry::Same),
            (plain(C::RD_KAFKA_RESP_ERR_NOT_COORDINATOR), Retry::Same),
            (plain(C::RD_KAFKA_RESP_ERR__DESTROY_BROKER), Retry::Same),
            (plain(C::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS), Retry::Same),
            (KafkaError { resumable: true, ..plain(C::RD_KAFKA_RESP_ERR__CONFLICT) }, Retry::Same),
            (plain(C::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION), Retry::Rewind),
            (plain(C::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID), Retry::Rewind),
            (plain(C::RD_KAFKA_RESP_ERR__MSG_TIMED_OUT), Retry::Rewind),
            (KafkaError { voids: true, ..plain(C::RD_KAFKA_RESP_ERR__CONFLICT) }, Retry::Rewind),
            (plain(C::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID), Retry::Rejoin),
            (plain(C::RD_KAFKA_RESP_ERR__FENCED), Retry::Recreate),
            (plain(C::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH), Retry::Recreate),
            (KafkaError { voids: true, ..plain(C::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) }, Retry::Never),
            (plain(C::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED), Retry::Never),
            (plain(C::RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT), Retry::Never),
        ];
        for (error, helps) in table {
            assert_eq!(retry(&error), helps, "{error}");
        }
    }
}
