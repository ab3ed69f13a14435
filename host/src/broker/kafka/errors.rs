//! From an error of librdkafka to one of the port: whether trying again makes sense.

use super::ffi::{Code, KafkaError};
use super::settings::PropertyError;
use crate::broker::port::{BrokerError, Retry};

/// An error of a call, with what was tried.
pub(super) fn failed(what: impl Into<String>, error: &KafkaError) -> BrokerError {
    BrokerError::Failed { what: what.into(), why: text(error), retry: retry(error) }
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
/// | a record waited too long for its delivery | rewind |
/// | everything else: a name that somebody else has, rights, settings | never |
pub(super) fn retry(error: &KafkaError) -> Retry {
    use Code as C;
    match error.code {
        C::RD_KAFKA_RESP_ERR__TIMED_OUT
        | C::RD_KAFKA_RESP_ERR__TRANSPORT
        | C::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN
        | C::RD_KAFKA_RESP_ERR__RESOLVE
        | C::RD_KAFKA_RESP_ERR__WAIT_COORD
        | C::RD_KAFKA_RESP_ERR__RETRY
        | C::RD_KAFKA_RESP_ERR__PARTIAL
        | C::RD_KAFKA_RESP_ERR__NO_OFFSET
        | C::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT
        | C::RD_KAFKA_RESP_ERR_NOT_COORDINATOR
        | C::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS
        | C::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE
        | C::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE
        | C::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION
        | C::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION
        | C::RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE => Retry::Same,
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
        _ => error.text.clone(),
    }
}
