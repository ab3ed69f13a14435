//! A client of librdkafka, made and asked.

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR as NO_ERROR;
use sys::rd_kafka_vtype_t as V;

const TEXT_BYTES: usize = 512;
const FLUSH_MS: i32 = 60_000;
const ANSWER_MS: i32 = 10_000;
/// How long a topic that was just made may be unknown.
const TOPIC_LIMIT: Duration = Duration::from_secs(10);
const TOPIC_ASKED_EVERY_MS: i32 = 20;
/// As a partition: the producer chooses by the key.
pub const ANY: i32 = -1;
/// The settings of a producer that is to be fast and to lose nothing.
pub const PRODUCER: &[(&str, &str)] = &[
    ("linger.ms", "5"),
    ("batch.num.messages", "10000"),
    ("batch.size", "1000000"),
    ("enable.idempotence", "true"),
    ("partitioner", "murmur2_random"),
    ("delivery.report.only.error", "true"),
];

static UNDELIVERED: AtomicU64 = AtomicU64::new(0);

/// Counts: with `delivery.report.only.error` it hears of failures alone.
unsafe extern "C" fn undelivered(_: *mut sys::rd_kafka_t, _: *const sys::rd_kafka_message_t, _: *mut c_void) {
    UNDELIVERED.fetch_add(1, Ordering::Relaxed);
}

/// Consumer or producer; it lives as long as the process.
#[derive(Clone, Copy)]
pub struct Client(pub *mut sys::rd_kafka_t);

impl Client {
    pub fn consumer(bootstrap: &str, settings: &[(&str, &str)]) -> Result<Self> {
        Self::open(sys::rd_kafka_type_t::RD_KAFKA_CONSUMER, bootstrap, settings)
    }

    pub fn producer(bootstrap: &str) -> Result<Self> {
        Self::producer_with(bootstrap, &[])
    }

    /// With further settings, which come before its own.
    pub fn producer_with(bootstrap: &str, settings: &[(&str, &str)]) -> Result<Self> {
        Self::open(sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, bootstrap, &[PRODUCER, settings].concat())
    }

    fn open(kind: sys::rd_kafka_type_t, bootstrap: &str, settings: &[(&str, &str)]) -> Result<Self> {
        let mut text: [c_char; TEXT_BYTES] = [0; TEXT_BYTES];
        // SAFETY: texts end with zero and outlive their calls; the configuration goes over to the client.
        unsafe {
            let conf = sys::rd_kafka_conf_new();
            for (key, value) in [("bootstrap.servers", bootstrap)].iter().chain(settings) {
                let (c_key, c_value) = (CString::new(*key)?, CString::new(*value)?);
                let set = sys::rd_kafka_conf_set(conf, c_key.as_ptr(), c_value.as_ptr(), text.as_mut_ptr(), TEXT_BYTES);
                ensure!(set == sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK, "{key}: {:?}", CStr::from_ptr(text.as_ptr()));
            }
            if kind == sys::rd_kafka_type_t::RD_KAFKA_PRODUCER {
                sys::rd_kafka_conf_set_dr_msg_cb(conf, Some(undelivered));
            }
            let client = sys::rd_kafka_new(kind, conf, text.as_mut_ptr(), TEXT_BYTES);
            ensure!(!client.is_null(), "{:?}", CStr::from_ptr(text.as_ptr()));
            Ok(Self(client))
        }
    }

    /// The first offset and the end of a partition, as the broker says now. A broker at work may not know yet that it leads a partition that was
    /// just made: it is asked again.
    pub fn bounds(self, topic: &CStr, partition: i32) -> Result<(i64, i64)> {
        let last = Instant::now() + TOPIC_LIMIT;
        loop {
            let (mut first, mut end) = (0, 0);
            // SAFETY: pointers to this function's own.
            let code = unsafe {
                let (first, end) = (&raw mut first, &raw mut end);
                sys::rd_kafka_query_watermark_offsets(self.0, topic.as_ptr(), partition, first, end, ANSWER_MS)
            };
            if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION || Instant::now() >= last {
                check(code).context("asking for a partition's end")?;
                return Ok((first, end));
            }
            self.poll(TOPIC_ASKED_EVERY_MS);
        }
    }

    /// How many partitions a topic has. A broker at work may not know yet that it was made: it is asked again.
    pub fn partitions(self, topic: &CStr) -> Result<i32> {
        let end = Instant::now() + TOPIC_LIMIT;
        while Instant::now() < end {
            let partitions = self.partitions_now(topic).context("asking for a topic's partitions")?;
            if partitions > 0 {
                return Ok(partitions);
            }
            self.poll(TOPIC_ASKED_EVERY_MS);
        }
        bail!("there is no topic {topic:?}")
    }

    /// 0 where the broker knows no such topic.
    fn partitions_now(self, topic: &CStr) -> Result<i32> {
        let mut metadata = null();
        // SAFETY: a live client; the answer has one topic, the one that was asked for, and is read before it is destroyed.
        unsafe {
            let asked = sys::rd_kafka_topic_new(self.0, topic.as_ptr(), null_mut());
            ensure!(!asked.is_null(), "no topic");
            let answered = check(sys::rd_kafka_metadata(self.0, 0, asked, &raw mut metadata, ANSWER_MS));
            sys::rd_kafka_topic_destroy(asked);
            answered?;
            let partitions = (*(*metadata).topics).partition_cnt;
            sys::rd_kafka_metadata_destroy(metadata);
            Ok(partitions)
        }
    }

    /// Waits until the broker has everything.
    pub fn flush(self) -> Result<()> {
        // SAFETY: a live client.
        check(unsafe { sys::rd_kafka_flush(self.0, FLUSH_MS) }).context("flush")?;
        let failed = UNDELIVERED.load(Ordering::Relaxed);
        ensure!(failed == 0, "{failed} records were not delivered");
        Ok(())
    }

    fn poll(self, ms: i32) {
        // SAFETY: a live client.
        unsafe { sys::rd_kafka_poll(self.0, ms) };
    }
}

/// A topic that a producer writes.
pub struct Topic {
    client: Client,
    topic: *mut sys::rd_kafka_topic_t,
}

impl Topic {
    pub fn new(client: Client, name: &str) -> Result<Self> {
        let name = CString::new(name)?;
        // SAFETY: the name is copied; null for the default configuration.
        let topic = unsafe { sys::rd_kafka_topic_new(client.0, name.as_ptr(), null_mut()) };
        ensure!(!topic.is_null(), "no topic");
        Ok(Self { client, topic })
    }

    /// Copies a record into the producer's queue, and waits while that is full. `partition` -1: by the key. `timestamp` 0: now. Takes `headers`.
    pub fn produce(&self, partition: i32, key: &[u8], value: &[u8], timestamp: i64, headers: *mut sys::rd_kafka_headers_t) -> Result<()> {
        let arguments = [
            argument(V::RD_KAFKA_VTYPE_RKT, |u| u.rkt = self.topic),
            argument(V::RD_KAFKA_VTYPE_PARTITION, |u| u.i32_ = partition),
            argument(V::RD_KAFKA_VTYPE_KEY, |u| u.mem = memory(key)),
            argument(V::RD_KAFKA_VTYPE_VALUE, |u| u.mem = memory(value)),
            argument(V::RD_KAFKA_VTYPE_MSGFLAGS, |u| u.i32_ = sys::RD_KAFKA_MSG_F_COPY),
            argument(V::RD_KAFKA_VTYPE_TIMESTAMP, |u| u.i64_ = timestamp),
            argument(V::RD_KAFKA_VTYPE_HEADERS, |u| u.headers = headers),
        ];
        let count = if headers.is_null() { arguments.len() - 1 } else { arguments.len() };
        loop {
            // SAFETY: key and value are copied during the call; headers go over when it succeeds.
            let error = unsafe { sys::rd_kafka_produceva(self.client.0, arguments.as_ptr(), count) };
            if error.is_null() {
                return Ok(());
            }
            // SAFETY: an error that this function owns.
            let code = unsafe {
                let code = sys::rd_kafka_error_code(error);
                sys::rd_kafka_error_destroy(error);
                code
            };
            if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL {
                bail!("a record cannot be produced: {code:?}");
            }
            self.client.poll(1);
        }
    }

    /// Hears of failures.
    pub fn poll(&self) {
        self.client.poll(0);
    }
}

fn argument(kind: V, set: impl FnOnce(&mut sys::rd_kafka_vu_s__bindgen_ty_1)) -> sys::rd_kafka_vu_t {
    let mut u = sys::rd_kafka_vu_s__bindgen_ty_1 { _pad: [0; 64] };
    set(&mut u);
    sys::rd_kafka_vu_t { vtype: kind, u }
}

fn memory(bytes: &[u8]) -> sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 {
    sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr: bytes.as_ptr().cast_mut().cast(), size: bytes.len() }
}

pub fn check(code: sys::rd_kafka_resp_err_t) -> Result<()> {
    ensure!(code == NO_ERROR, "librdkafka says {code:?}");
    Ok(())
}
