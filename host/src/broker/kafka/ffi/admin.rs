//! Questions and orders to the cluster: each waits for its answer.

#![allow(unsafe_code, reason = "builds librdkafka's requests and reads its answers")]

use std::ffi::{CString, c_char};
use std::ptr::{NonNull, null, null_mut};
use std::sync::Arc;
use std::time::Duration;

use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Op;

use super::error::{Code, KafkaError, text_of};
use super::handle::{Handle, c_text, millis};
use super::list::{Entry, PartitionList, entries};

const TEXT_BYTES: usize = 512;
/// What a coordinator has more time for than anybody waits, see `coordinated`.
const COORDINATOR_SLACK: Duration = Duration::from_secs(60);

/// A topic to be made.
#[derive(Clone, Debug)]
pub(in crate::broker::kafka) struct NewTopic {
    pub name: String,
    pub partitions: i32,
    /// -1: the broker's default.
    pub replication: i32,
    pub settings: Vec<(&'static str, String)>,
}

/// What became of a topic.
pub(in crate::broker::kafka) type Outcome = (String, Result<(), KafkaError>);

/// A live member of a group.
#[derive(Clone, Debug)]
pub(in crate::broker::kafka) struct GroupMember {
    pub client: String,
    pub host: String,
    /// `group.instance.id`; empty without one.
    pub instance: String,
    pub partitions: Vec<(String, i32)>,
    /// Whether its group has shared out everything.
    pub settled: bool,
}

/// An answer, destroyed when it was read.
struct Answer(NonNull<sys::rd_kafka_event_t>);

impl Answer {
    fn raw(&self) -> *mut sys::rd_kafka_event_t {
        self.0.as_ptr()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: this value's alone.
        unsafe { sys::rd_kafka_event_destroy(self.raw()) };
    }
}

/// Request options; destroyed when the request is on its way.
struct Options(*mut sys::rd_kafka_AdminOptions_t);

impl Drop for Options {
    fn drop(&mut self) {
        // SAFETY: this value's alone.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0) };
    }
}

impl Handle {
    /// Begins to connect, where nothing is connected. librdkafka gives up the connection by which it has heard of the brokers, and makes another one
    /// when somebody asks for something; a producer asks for its id once the new one is there, or else after 500 ms.
    pub fn connect(&self) {
        let mut metadata = std::ptr::null();
        // SAFETY: the metadata is destroyed where there is any.
        unsafe {
            let asked = sys::rd_kafka_metadata(self.raw(), 0, null_mut(), &raw mut metadata, 0);
            if asked == Code::RD_KAFKA_RESP_ERR_NO_ERROR && !metadata.is_null() {
                sys::rd_kafka_metadata_destroy(metadata);
            }
        }
    }

    /// The number of partitions of a topic; `None` when there is no such topic.
    pub fn partitions(self: &Arc<Self>, topic: &str, at_most: Duration) -> Result<Option<i32>, KafkaError> {
        let name = c_text(topic)?;
        let mut metadata = std::ptr::null();
        // SAFETY: the topic reference is given back; the metadata is read, then destroyed.
        unsafe {
            let handle = sys::rd_kafka_topic_new(self.raw(), name.as_ptr(), null_mut());
            if handle.is_null() {
                return Err(KafkaError::of(Code::RD_KAFKA_RESP_ERR__INVALID_ARG));
            }
            let asked = KafkaError::check(sys::rd_kafka_metadata(self.raw(), 0, handle, &raw mut metadata, millis(at_most)));
            sys::rd_kafka_topic_destroy(handle);
            asked?;
            let topics = std::slice::from_raw_parts((*metadata).topics, usize::try_from((*metadata).topic_cnt).unwrap_or(0));
            let found = topics.first().map(|t| (t.err, t.partition_cnt));
            sys::rd_kafka_metadata_destroy(metadata);
            match found {
                Some((Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART | Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, _)) | None => Ok(None),
                Some((code, count)) => KafkaError::check(code).map(|()| (count > 0).then_some(count)),
            }
        }
    }

    /// Makes topics; what became of each.
    pub fn create_topics(self: &Arc<Self>, topics: &[NewTopic], at_most: Duration) -> Result<Vec<Outcome>, KafkaError> {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_CREATETOPICS, at_most, true);
        let mut made: Vec<*mut sys::rd_kafka_NewTopic_t> = Vec::new();
        let mut text: [c_char; TEXT_BYTES] = [0; TEXT_BYTES];
        // SAFETY: every topic is destroyed once, after the request was copied.
        unsafe {
            let mut refused = None;
            for topic in topics {
                let name = c_text(&topic.name)?;
                let new = sys::rd_kafka_NewTopic_new(name.as_ptr(), topic.partitions, topic.replication, text.as_mut_ptr(), TEXT_BYTES);
                if new.is_null() {
                    let why = text_of(text.as_ptr());
                    refused = Some(KafkaError::said(Code::RD_KAFKA_RESP_ERR__INVALID_ARG, why));
                    break;
                }
                for (key, value) in &topic.settings {
                    let (key, value) = (c_text(key)?, c_text(value)?);
                    sys::rd_kafka_NewTopic_set_config(new, key.as_ptr(), value.as_ptr());
                }
                made.push(new);
            }
            let answer = match refused {
                Some(refused) => Err(refused),
                None => self.ask(at_most, |queue| {
                    sys::rd_kafka_CreateTopics(self.raw(), made.as_mut_ptr(), made.len(), options.0, queue);
                }),
            };
            made.iter().for_each(|&new| sys::rd_kafka_NewTopic_destroy(new));
            let answer = answer?;
            let result = sys::rd_kafka_event_CreateTopics_result(answer.raw());
            let mut count = 0;
            let results = sys::rd_kafka_CreateTopics_result_topics(result, &raw mut count);
            Ok(topic_results(results, count))
        }
    }

    /// Deletes topics; what became of each.
    pub fn delete_topics(self: &Arc<Self>, names: &[&str], at_most: Duration) -> Result<Vec<Outcome>, KafkaError> {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_DELETETOPICS, at_most, true);
        let names = names.iter().map(|name| c_text(name)).collect::<Result<Vec<CString>, _>>()?;
        // SAFETY: every request is destroyed once, after it was copied.
        unsafe {
            let mut all: Vec<_> = names.iter().map(|name| sys::rd_kafka_DeleteTopic_new(name.as_ptr())).collect();
            let answer = self.ask(at_most, |queue| sys::rd_kafka_DeleteTopics(self.raw(), all.as_mut_ptr(), all.len(), options.0, queue));
            all.iter().for_each(|&one| sys::rd_kafka_DeleteTopic_destroy(one));
            let answer = answer?;
            let result = sys::rd_kafka_event_DeleteTopics_result(answer.raw());
            let mut count = 0;
            let results = sys::rd_kafka_DeleteTopics_result_topics(result, &raw mut count);
            Ok(topic_results(results, count))
        }
    }

    /// Gives a topic more partitions: so many in all.
    pub fn grow_topic(self: &Arc<Self>, topic: &str, partitions: usize, at_most: Duration) -> Result<(), KafkaError> {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS, at_most, true);
        let name = c_text(topic)?;
        let mut text: [c_char; TEXT_BYTES] = [0; TEXT_BYTES];
        // SAFETY: the request is destroyed once, after it was copied; the answer is read before it is destroyed.
        unsafe {
            let mut more = sys::rd_kafka_NewPartitions_new(name.as_ptr(), partitions, text.as_mut_ptr(), TEXT_BYTES);
            if more.is_null() {
                return Err(KafkaError::said(Code::RD_KAFKA_RESP_ERR__INVALID_ARG, text_of(text.as_ptr())));
            }
            let answer = self.ask(at_most, |queue| sys::rd_kafka_CreatePartitions(self.raw(), &raw mut more, 1, options.0, queue));
            sys::rd_kafka_NewPartitions_destroy(more);
            let answer = answer?;
            let result = sys::rd_kafka_event_CreatePartitions_result(answer.raw());
            let mut count = 0;
            let results = sys::rd_kafka_CreatePartitions_result_topics(result, &raw mut count);
            topic_results(results, count).into_iter().try_for_each(|(_, outcome)| outcome)
        }
    }

    /// Every setting of these topics, in their order.
    pub fn topic_settings(self: &Arc<Self>, topics: &[&str], at_most: Duration) -> Result<Vec<Vec<(String, String)>>, KafkaError> {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, at_most, false);
        let names = topics.iter().map(|name| c_text(name)).collect::<Result<Vec<CString>, _>>()?;
        let kind = sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
        // SAFETY: every resource is destroyed once, after the request was copied; the answer is read before it is destroyed.
        unsafe {
            let mut all: Vec<_> = names.iter().map(|name| sys::rd_kafka_ConfigResource_new(kind, name.as_ptr())).collect();
            let answer =
                self.ask(at_most, |queue| sys::rd_kafka_DescribeConfigs(self.raw(), all.as_mut_ptr(), all.len(), options.0, queue));
            all.iter().for_each(|&one| sys::rd_kafka_ConfigResource_destroy(one));
            let answer = answer?;
            let result = sys::rd_kafka_event_DescribeConfigs_result(answer.raw());
            let mut count = 0;
            let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
            let mut found = std::collections::BTreeMap::new();
            for at in 0..count {
                let resource = *resources.add(at);
                KafkaError::check(sys::rd_kafka_ConfigResource_error(resource))?;
                let mut settings_count = 0;
                let settings = sys::rd_kafka_ConfigResource_configs(resource, &raw mut settings_count);
                let pair = |at: usize| {
                    let entry = *settings.add(at);
                    (text_of(sys::rd_kafka_ConfigEntry_name(entry)), text_of(sys::rd_kafka_ConfigEntry_value(entry)))
                };
                let name = text_of(sys::rd_kafka_ConfigResource_name(resource));
                found.insert(name, (0..settings_count).map(pair).collect::<Vec<_>>());
            }
            Ok(topics.iter().map(|&topic| found.remove(topic).unwrap_or_default()).collect())
        }
    }

    /// Deletes the records below each partition's offset.
    pub fn delete_records(self: &Arc<Self>, before: &PartitionList, at_most: Duration) -> Result<(), KafkaError> {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_DELETERECORDS, at_most, true);
        // SAFETY: the request copies the list and is destroyed once.
        unsafe {
            let mut request = sys::rd_kafka_DeleteRecords_new(before.raw());
            let answer = self.ask(at_most, |queue| sys::rd_kafka_DeleteRecords(self.raw(), &raw mut request, 1, options.0, queue));
            sys::rd_kafka_DeleteRecords_destroy(request);
            let answer = answer?;
            let result = sys::rd_kafka_event_DeleteRecords_result(answer.raw());
            let all = entries(sys::rd_kafka_DeleteRecords_result_offsets(result));
            all.into_iter().find_map(|entry| entry.error).map_or(Ok(()), |code| Err(KafkaError::of(code)))
        }
    }

    /// What a group has committed; offset -1001 where nothing.
    pub fn group_offsets(self: &Arc<Self>, group: &str, partitions: &PartitionList, at_most: Duration) -> Result<Vec<Entry>, KafkaError> {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS, at_most + COORDINATOR_SLACK, false);
        let group = c_text(group)?;
        // SAFETY: as in `delete_records`.
        unsafe {
            let mut request = sys::rd_kafka_ListConsumerGroupOffsets_new(group.as_ptr(), partitions.raw());
            let answer = self.ask_coordinator(at_most, |queue| {
                sys::rd_kafka_ListConsumerGroupOffsets(self.raw(), &raw mut request, 1, options.0, queue)
            });
            sys::rd_kafka_ListConsumerGroupOffsets_destroy(request);
            let answer = answer?;
            let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(answer.raw());
            let mut count = 0;
            let groups = sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, &raw mut count);
            group_result(groups, count)
        }
    }

    /// Sets what a group without members has committed.
    pub fn set_group_offsets(self: &Arc<Self>, group: &str, offsets: &PartitionList, at_most: Duration) -> Result<(), KafkaError> {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS, at_most + COORDINATOR_SLACK, false);
        let group = c_text(group)?;
        // SAFETY: as in `delete_records`.
        unsafe {
            let mut request = sys::rd_kafka_AlterConsumerGroupOffsets_new(group.as_ptr(), offsets.raw());
            let answer = self.ask_coordinator(at_most, |queue| {
                sys::rd_kafka_AlterConsumerGroupOffsets(self.raw(), &raw mut request, 1, options.0, queue)
            });
            sys::rd_kafka_AlterConsumerGroupOffsets_destroy(request);
            let answer = answer?;
            let result = sys::rd_kafka_event_AlterConsumerGroupOffsets_result(answer.raw());
            let mut count = 0;
            let groups = sys::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, &raw mut count);
            let all = group_result(groups, count)?;
            all.into_iter().find_map(|entry| entry.error).map_or(Ok(()), |code| Err(KafkaError::of(code)))
        }
    }

    /// Forgets what a group without members has committed of these.
    pub fn forget_group_offsets(self: &Arc<Self>, group: &str, partitions: &PartitionList, at_most: Duration) -> Result<(), KafkaError> {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS, at_most + COORDINATOR_SLACK, false);
        let group = c_text(group)?;
        // SAFETY: as in `delete_records`.
        unsafe {
            let mut request = sys::rd_kafka_DeleteConsumerGroupOffsets_new(group.as_ptr(), partitions.raw());
            let answer = self.ask_coordinator(at_most, |queue| {
                sys::rd_kafka_DeleteConsumerGroupOffsets(self.raw(), &raw mut request, 1, options.0, queue)
            });
            sys::rd_kafka_DeleteConsumerGroupOffsets_destroy(request);
            let answer = answer?;
            let result = sys::rd_kafka_event_DeleteConsumerGroupOffsets_result(answer.raw());
            let mut count = 0;
            let groups = sys::rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, &raw mut count);
            group_result(groups, count).map(drop)
        }
    }

    /// The live members of a group; none when there is no such group.
    pub fn group_members(self: &Arc<Self>, group: &str, at_most: Duration) -> Result<Vec<GroupMember>, KafkaError> {
        let options = self.options(Op::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS, at_most + COORDINATOR_SLACK, false);
        let group = c_text(group)?;
        // SAFETY: the answer is read before it is destroyed.
        unsafe {
            let mut name = group.as_ptr();
            let answer = self
                .ask_coordinator(at_most, |queue| sys::rd_kafka_DescribeConsumerGroups(self.raw(), &raw mut name, 1, options.0, queue))?;
            let result = sys::rd_kafka_event_DescribeConsumerGroups_result(answer.raw());
            let mut count = 0;
            let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
            let mut members = Vec::new();
            for at in 0..count {
                let group = *groups.add(at);
                let state = sys::rd_kafka_ConsumerGroupDescription_state(group);
                let settled = state == sys::rd_kafka_consumer_group_state_t::RD_KAFKA_CONSUMER_GROUP_STATE_STABLE;
                for at in 0..sys::rd_kafka_ConsumerGroupDescription_member_count(group) {
                    let member = sys::rd_kafka_ConsumerGroupDescription_member(group, at);
                    let assignment = sys::rd_kafka_MemberDescription_assignment(member);
                    let partitions = if assignment.is_null() { null() } else { sys::rd_kafka_MemberAssignment_partitions(assignment) };
                    members.push(GroupMember {
                        client: text_of(sys::rd_kafka_MemberDescription_client_id(member)),
                        host: text_of(sys::rd_kafka_MemberDescription_host(member)),
                        instance: text_of(sys::rd_kafka_MemberDescription_group_instance_id(member)),
                        partitions: PartitionList::names_of(partitions),
                        settled,
                    });
                }
            }
            Ok(members)
        }
    }

    fn options(&self, op: Op, at_most: Duration, by_the_controller: bool) -> Options {
        let mut text: [c_char; TEXT_BYTES] = [0; TEXT_BYTES];
        // SAFETY: `text` outlives the calls that write it; refusals of these two numbers are of no matter, the wait has its own end.
        unsafe {
            let options = sys::rd_kafka_AdminOptions_new(self.raw(), op);
            sys::rd_kafka_AdminOptions_set_request_timeout(options, millis(at_most), text.as_mut_ptr(), TEXT_BYTES);
            if by_the_controller {
                sys::rd_kafka_AdminOptions_set_operation_timeout(options, millis(at_most), text.as_mut_ptr(), TEXT_BYTES);
            }
            Options(options)
        }
    }

    /// Sends a request and waits for its answer.
    fn ask(self: &Arc<Self>, at_most: Duration, send: impl FnOnce(*mut sys::rd_kafka_queue_t)) -> Result<Answer, KafkaError> {
        // The request's own time-out comes first.
        self.ask_coordinator(at_most.saturating_add(Duration::from_secs(1)), send)
    }

    /// As `ask`, for a request that must not time out by itself: after a time-out the handle has to go.
    fn ask_coordinator(self: &Arc<Self>, at_most: Duration, send: impl FnOnce(*mut sys::rd_kafka_queue_t)) -> Result<Answer, KafkaError> {
        let queue = self.new_queue().ok_or_else(|| KafkaError::of(Code::RD_KAFKA_RESP_ERR__FAIL))?;
        send(queue.raw());
        // SAFETY: the event is taken over.
        let event = NonNull::new(unsafe { sys::rd_kafka_queue_poll(queue.raw(), millis(at_most)) });
        let answer = Answer(event.ok_or_else(|| KafkaError::of(Code::RD_KAFKA_RESP_ERR__TIMED_OUT))?);
        // SAFETY: the event is valid.
        let (code, text) = unsafe { (sys::rd_kafka_event_error(answer.raw()), text_of(sys::rd_kafka_event_error_string(answer.raw()))) };
        KafkaError::check(code).map_err(|error| KafkaError { text, ..error })?;
        Ok(answer)
    }
}

/// # Safety
/// `results` has `count` results.
unsafe fn topic_results(results: *mut *const sys::rd_kafka_topic_result_t, count: usize) -> Vec<Outcome> {
    // SAFETY: the caller vouches for it.
    unsafe {
        let one = |at: usize| {
            let result = *results.add(at);
            let text = text_of(sys::rd_kafka_topic_result_error_string(result));
            let outcome = KafkaError::check(sys::rd_kafka_topic_result_error(result));
            let name = text_of(sys::rd_kafka_topic_result_name(result));
            (name, outcome.map_err(|error| if text.is_empty() { error } else { KafkaError { text, ..error } }))
        };
        (0..count).map(one).collect()
    }
}

/// The partitions of the one group that was asked about.
///
/// # Safety
/// `groups` has `count` results.
unsafe fn group_result(groups: *mut *const sys::rd_kafka_group_result_t, count: usize) -> Result<Vec<Entry>, KafkaError> {
    let mut all = Vec::new();
    // SAFETY: the caller vouches for it; errors stay the result's.
    unsafe {
        for at in 0..count {
            let group = *groups.add(at);
            let error = sys::rd_kafka_group_result_error(group);
            if !error.is_null() {
                let text = text_of(sys::rd_kafka_error_string(error));
                return Err(KafkaError::said(sys::rd_kafka_error_code(error), text));
            }
            all.extend(entries(sys::rd_kafka_group_result_partitions(group)));
        }
    }
    Ok(all)
}
