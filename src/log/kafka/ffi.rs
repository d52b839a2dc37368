//! The three calls of librdkafka that rdkafka doesn't offer, and all unsafe code of this room.
//!
//! - Many messages by one call, and waiting for deliveries: rdkafka takes them one by one, and its own `flush` of a
//!   threaded producer waits in steps of 100 ms. `make bench-kafka` measures both against what goes without.
//! - Where log lines go that a batch meets on its way: by default to stderr.
//!
//! Every pointer here is either got from a client that is borrowed for as long as the pointer is used, or was given to
//! us by the call before, to be given back: `Messages` does that, whatever happens in between.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};
use std::time::Duration;

use rdkafka::client::ClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::error::RDKafkaErrorCode;
use rdkafka::message::BorrowedMessage;
use rdkafka::producer::{Producer, ProducerContext, ThreadedProducer};
use rdkafka_sys as sys;

/// Messages of one call; none is ever null.
pub struct Messages<'a> {
    taken: Vec<*mut sys::rd_kafka_message_t>,
    consumer: PhantomData<&'a ()>,
}

/// A message, or an error in its place. A pointer, not a reference: asked for headers, librdkafka writes behind it what
/// it has parsed.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    at: NonNull<sys::rd_kafka_message_t>,
    lives: PhantomData<&'a ()>,
}

/// Of one call: enough for its price to vanish, and an array that costs nothing where one message is there.
const AT_ONCE: usize = 1_024;

/// Takes messages that a consumer has fetched already: up to `max`, and up to [`AT_ONCE`].
///
/// Errors of reading come in the place of a message. Whatever else is in the queue is served and gone: errors of the
/// client as a whole (a lost connection, a refused login) are only logged. Those that last come again, where rdkafka
/// polls; one that is fatal the client remembers, and the caller asks for it.
pub fn take_fetched<C: ConsumerContext>(consumer: &BaseConsumer<C>, max: usize) -> Messages<'_> {
    let mut taken = vec![ptr::null_mut(); max.min(AT_ONCE)];
    // SAFETY: the client lives as long as `consumer` is borrowed. The queue is counted: ours goes at once, the client
    // keeps its own. `taken` has room for its length, and the call says how many of them it has set.
    let count = unsafe {
        let queue = sys::rd_kafka_queue_get_consumer(consumer.client().native_ptr());
        let count = sys::rd_kafka_consume_batch_queue(queue, 0, taken.as_mut_ptr(), taken.len());
        sys::rd_kafka_queue_destroy(queue);
        count
    };
    // Negative: an error of arguments, and nothing was set.
    taken.truncate(usize::try_from(count).unwrap_or(0));
    Messages { taken, consumer: PhantomData }
}

impl Messages<'_> {
    pub fn iter(&self) -> impl Iterator<Item = Message<'_>> {
        self.taken.iter().map(|message| Message::new(*message))
    }

    pub fn is_empty(&self) -> bool {
        self.taken.is_empty()
    }
}

impl Drop for Messages<'_> {
    fn drop(&mut self) {
        for message in &self.taken {
            // SAFETY: each came from `rd_kafka_consume_batch_queue`, is destroyed once, and before its consumer.
            unsafe { sys::rd_kafka_message_destroy(*message) };
        }
    }
}

impl<'a> Message<'a> {
    /// Both who call it borrow for `'a` what destroys the message.
    fn new(message: *mut sys::rd_kafka_message_t) -> Message<'a> {
        Message { at: NonNull::new(message).expect("librdkafka has set it"), lives: PhantomData }
    }

    /// One that rdkafka took.
    pub fn of(message: &'a BorrowedMessage<'_>) -> Message<'a> {
        Message::new(message.ptr())
    }

    /// What every message has, and librdkafka changes no more. A copy, of which the compiler leaves what is asked for.
    fn fields(self) -> sys::rd_kafka_message_t {
        // SAFETY: it lives for `'a`, and is this thread's: nobody writes to it meanwhile.
        unsafe { self.at.read() }
    }

    /// Why there is no message.
    pub fn error(self) -> Option<RDKafkaErrorCode> {
        let error = self.fields().err;
        (error != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR).then(|| error.into())
    }

    /// The same for all messages of one partition, and cheap to compare.
    pub fn place(self) -> (usize, i32) {
        (self.fields().rkt as usize, self.partition())
    }

    /// Empty if it has none, or one that is no text: none of ours.
    pub fn topic(self) -> &'a str {
        let topic = self.fields().rkt;
        if topic.is_null() {
            return "";
        }
        // SAFETY: a message keeps its topic, and the topic its name, as a C string.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(topic)) };
        name.to_str().unwrap_or("")
    }

    pub fn partition(self) -> i32 {
        self.fields().partition
    }

    pub fn offset(self) -> i64 {
        self.fields().offset
    }

    pub fn key(self) -> Option<&'a [u8]> {
        // SAFETY: the message has so many bytes there for as long as it lives.
        unsafe { bytes(self.fields().key, self.fields().key_len) }
    }

    pub fn value(self) -> Option<&'a [u8]> {
        // SAFETY: the message has so many bytes there for as long as it lives.
        unsafe { bytes(self.fields().payload, self.fields().len) }
    }

    /// In milliseconds since 1970.
    pub fn timestamp(self) -> Option<i64> {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: both are valid for the call.
        let millis = unsafe { sys::rd_kafka_message_timestamp(self.at.as_ptr(), &mut kind) };
        (kind != sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE).then_some(millis)
    }

    /// Names and values, in order.
    pub fn headers(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let mut headers = ptr::null_mut();
        // SAFETY: both are valid for the call, which sets `headers` where there are any. They belong to the message,
        // and are parsed once: who holds some of them already keeps them.
        let found = unsafe { sys::rd_kafka_message_headers(self.at.as_ptr(), &mut headers) };
        let there = found == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        // SAFETY: `headers` were found, and live as long as the message.
        (0..).map_while(move |index| if there { unsafe { header(headers, index) } } else { None })
    }
}

/// # Safety
/// Null, or so many bytes that live for `'a`.
unsafe fn bytes<'a>(from: *const c_void, length: usize) -> Option<&'a [u8]> {
    if from.is_null() {
        return None;
    }
    // SAFETY: the caller's promise.
    Some(unsafe { std::slice::from_raw_parts(from.cast(), length) })
}

/// # Safety
/// Headers of a message that lives for `'a`.
unsafe fn header<'a>(headers: *const sys::rd_kafka_headers_t, index: usize) -> Option<(&'a str, &'a [u8])> {
    let (mut name, mut value, mut length) = (ptr::null(), ptr::null(), 0);
    // SAFETY: the three are valid for the call, which says with an error that there is no such header, and else sets
    // them to what lives as long as the headers; names are C strings.
    unsafe {
        let found = sys::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut length);
        if found != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            return None;
        }
        Some((CStr::from_ptr(name).to_str().unwrap_or(""), bytes(value, length).unwrap_or_default()))
    }
}

/// Waits until every record of a producer was delivered or given up. `false`: not within this time.
pub fn drain<C: ProducerContext + 'static>(producer: &ThreadedProducer<C>, patience: Duration) -> bool {
    let millis = c_int::try_from(patience.as_millis()).unwrap_or(c_int::MAX);
    // SAFETY: the client lives as long as `producer` is borrowed; its thread goes on serving deliveries meanwhile.
    let drained = unsafe { sys::rd_kafka_flush(producer.client().native_ptr(), millis) };
    drained == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR
}

/// Makes a client believe that it met a fatal error.
#[cfg(test)]
pub fn fail<C: ConsumerContext>(consumer: &BaseConsumer<C>, why: &CStr) {
    let code = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
    // SAFETY: the client lives as long as `consumer` is borrowed, and copies the text.
    let _ = unsafe { sys::rd_kafka_test_fatal_error(consumer.client().native_ptr(), code, why.as_ptr()) };
}

/// Log lines that [`take_fetched`] meets go where all others go.
pub fn log_by_tracing<C: ClientContext + ConsumerContext>(consumer: &BaseConsumer<C>) {
    // SAFETY: the client lives as long as `consumer` is borrowed, and the function for ever.
    unsafe { sys::rd_kafka_set_logger(consumer.client().native_ptr(), Some(log)) };
}

/// Called with C strings that live for the call.
unsafe extern "C" fn log(_: *const sys::rd_kafka_t, level: c_int, facility: *const c_char, message: *const c_char) {
    // SAFETY: librdkafka's promise, above.
    let (facility, message) = unsafe { (CStr::from_ptr(facility), CStr::from_ptr(message)) };
    super::context::log(level, &facility.to_string_lossy(), &message.to_string_lossy());
}
