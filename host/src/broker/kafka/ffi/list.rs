//! Lists of partitions, the currency of librdkafka's calls.

#![allow(unsafe_code, reason = "reads and writes librdkafka's lists")]

use std::ffi::{CStr, CString};
use std::ptr::{NonNull, null_mut};

use rdkafka_sys as sys;

use super::error::{Code, KafkaError, text_of};
use super::handle::c_text;

/// A list of partitions, each with an offset and a note.
#[derive(Debug)]
pub(in crate::broker::kafka) struct PartitionList {
    list: NonNull<sys::rd_kafka_topic_partition_list_t>,
    /// What the elements' notes point to, as far as this side has written them.
    notes: Vec<CString>,
}

/// One element, copied out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::broker::kafka) struct Entry {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub note: String,
    /// What went wrong with this partition.
    pub error: Option<Code>,
}

impl PartitionList {
    /// An empty list.
    pub fn new() -> Result<Self, KafkaError> {
        // SAFETY: a new list is this value's; it grows as needed.
        let list = NonNull::new(unsafe { sys::rd_kafka_topic_partition_list_new(4) });
        let list = list.ok_or_else(|| KafkaError::of(Code::RD_KAFKA_RESP_ERR__FAIL))?;
        Ok(Self { list, notes: Vec::new() })
    }

    /// Of these partitions, each with an offset.
    pub fn of<'a>(partitions: impl IntoIterator<Item = (&'a str, i32, i64)>) -> Result<Self, KafkaError> {
        let mut list = Self::new()?;
        for (topic, partition, offset) in partitions {
            list.add(topic, partition, offset, "")?;
        }
        Ok(list)
    }

    /// Adds a partition.
    pub fn add(&mut self, topic: &str, partition: i32, offset: i64, note: &str) -> Result<(), KafkaError> {
        let topic = c_text(topic)?;
        let note = c_text(note)?;
        // SAFETY: the name is copied; the element is valid until the next call on the list; the note lives as long as the list.
        unsafe {
            let element = sys::rd_kafka_topic_partition_list_add(self.list.as_ptr(), topic.as_ptr(), partition);
            (*element).offset = offset;
            if !note.is_empty() {
                (*element).metadata = note.as_ptr().cast_mut().cast();
                (*element).metadata_size = note.as_bytes().len();
                self.notes.push(note);
            }
        }
        Ok(())
    }

    pub(super) fn raw(&self) -> *mut sys::rd_kafka_topic_partition_list_t {
        self.list.as_ptr()
    }

    /// Copies of the elements.
    pub fn entries(&self) -> Vec<Entry> {
        // SAFETY: the list is this value's.
        unsafe { entries(self.raw()) }
    }

    /// The first error of an element.
    pub fn first_error(&self) -> Option<Code> {
        self.entries().into_iter().find_map(|entry| entry.error)
    }

    /// Topics and partitions of a list that librdkafka owns.
    ///
    /// # Safety
    /// `list` is null or a list.
    pub(super) unsafe fn names_of(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<(String, i32)> {
        // SAFETY: the caller vouches for it.
        unsafe { entries(list) }.into_iter().map(|entry| (entry.topic, entry.partition)).collect()
    }
}

impl Drop for PartitionList {
    fn drop(&mut self) {
        // SAFETY: librdkafka would free notes that are not its own; those are taken out first. Ones that it wrote over them are its own.
        unsafe {
            for at in 0..usize::try_from((*self.raw()).cnt).unwrap_or(0) {
                let element = (*self.raw()).elems.add(at);
                if self.notes.iter().any(|note| std::ptr::eq(note.as_ptr(), (*element).metadata.cast_const().cast())) {
                    (*element).metadata = null_mut();
                    (*element).metadata_size = 0;
                }
            }
            sys::rd_kafka_topic_partition_list_destroy(self.raw());
        }
    }
}

/// Copies of a list's elements.
///
/// # Safety
/// `list` is null or a list.
pub(super) unsafe fn entries(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<Entry> {
    if list.is_null() {
        return Vec::new();
    }
    // SAFETY: not null, and `elems` has `cnt` elements.
    unsafe { (0..usize::try_from((*list).cnt).unwrap_or(0)).map(|at| entry(&*(*list).elems.add(at))).collect() }
}

/// A copy of an element.
///
/// # Safety
/// Its pointers are null or what librdkafka put there.
pub(super) unsafe fn entry(element: &sys::rd_kafka_topic_partition_t) -> Entry {
    // SAFETY: names end with a zero byte; notes have the length that stands beside them.
    let (topic, note) = unsafe {
        let note: &[u8] =
            if element.metadata.is_null() { &[] } else { std::slice::from_raw_parts(element.metadata.cast(), element.metadata_size) };
        (text_of(element.topic), String::from_utf8_lossy(note).into_owned())
    };
    let error = (element.err != Code::RD_KAFKA_RESP_ERR_NO_ERROR).then_some(element.err);
    Entry { topic, partition: element.partition, offset: element.offset, note, error }
}

/// The name of a topic that a message carries.
///
/// # Safety
/// `topic` is null or a topic of librdkafka, and outlives the result.
pub(super) unsafe fn topic_name<'a>(topic: *const sys::rd_kafka_topic_t) -> &'a str {
    if topic.is_null() {
        return "";
    }
    // SAFETY: the name belongs to the topic and ends with a zero byte.
    unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(topic)) }.to_str().unwrap_or_default()
}
