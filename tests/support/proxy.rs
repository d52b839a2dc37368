//! Stands between bookd and its broker and loses what they say about the end of a transaction.
//!
//! It reads just enough of Kafka's protocol: frames of a length, and in them a request's kind and number, by which its
//! answer is known. The broker names the proxy's port to whoever comes through it, so nobody finds a way around.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;

/// Kinds of requests.
const INIT_PRODUCER_ID: i16 = 22;
const END_TXN: i16 = 26;

/// Where the kind and the number of a request stand, and the number of an answer, behind the frame's length.
const KIND: usize = 0;
const REQUEST_NUMBER: usize = 4;
const ANSWER_NUMBER: usize = 0;

/// Larger than any frame of these tests: a length above it says that frames aren't read as they should.
const MAX_FRAME: usize = 64 * 1024 * 1024;

/// No request has it.
const NOTHING: i32 = -1;

/// What becomes of the next request to end a transaction. Its connection is cut in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The broker never gets it.
    Request,
    /// The broker does it, and nobody hears of that.
    Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    Pass,
    /// Once; librdkafka's own repetition comes through.
    Once(Loss),
    /// Repetitions too, until a producer takes the lead after the first; `lost` counts them.
    UntilNextLead {
        loss: Loss,
        lost: u32,
    },
}

struct Shared {
    broker: Mutex<String>,
    plan: Mutex<Plan>,
}

pub struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

impl Proxy {
    /// Listens; [`Proxy::lead_to`] says where to.
    pub fn start() -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared { broker: Mutex::default(), plan: Mutex::new(Plan::Pass) });
        let theirs = shared.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = theirs.clone();
                thread::spawn(move || serve(client, &shared));
            }
        });
        Proxy { port, shared }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    pub fn lead_to(&self, broker: &str) {
        *self.shared.broker.lock().expect("nobody panics while holding it") = broker.to_owned();
    }

    pub fn lose_once(&self, loss: Loss) {
        *self.shared.plan() = Plan::Once(loss);
    }

    /// Loses what is said about one commit, however often it is said, until the next producer takes the lead.
    pub fn lose_until_next_lead(&self, loss: Loss) {
        *self.shared.plan() = Plan::UntilNextLead { loss, lost: 0 };
    }

    /// Whether what was to be lost is lost.
    pub fn is_done(&self) -> bool {
        *self.shared.plan() == Plan::Pass
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().expect("nobody panics while holding it")
    }

    /// What becomes of a request of this kind.
    fn judge(&self, kind: i16) -> Option<Loss> {
        let mut plan = self.plan();
        match (kind, *plan) {
            (END_TXN, Plan::Once(loss)) => {
                *plan = Plan::Pass;
                Some(loss)
            }
            (END_TXN, Plan::UntilNextLead { loss, lost }) => {
                *plan = Plan::UntilNextLead { loss, lost: lost + 1 };
                Some(loss)
            }
            (INIT_PRODUCER_ID, Plan::UntilNextLead { lost: 1.., .. }) => {
                *plan = Plan::Pass;
                None
            }
            _ => None,
        }
    }
}

/// One connection of a client, with one of its own to the broker.
fn serve(client: TcpStream, shared: &Arc<Shared>) {
    let address = shared.broker.lock().expect("nobody panics while holding it").clone();
    let Ok(broker) = TcpStream::connect(address) else { return };
    for stream in [&client, &broker] {
        stream.set_nodelay(true).expect("an open socket");
    }
    // The number of the request whose answer is to be lost.
    let doomed = Arc::new(AtomicI32::new(NOTHING));
    let (their_client, their_broker, their_doomed) = (clone(&client), clone(&broker), doomed.clone());
    let answers = thread::spawn(move || {
        let _ended = pass_answers(&their_broker, &their_client, &their_doomed);
        cut(&their_client, &their_broker);
    });
    let _ended = pass_requests(&client, &broker, shared, &doomed);
    if doomed.load(Ordering::SeqCst) == NOTHING {
        cut(&client, &broker);
    }
    answers.join().expect("no panic");
}

/// Ends when either side does, or a request is lost.
fn pass_requests(client: &TcpStream, broker: &TcpStream, shared: &Shared, doomed: &AtomicI32) -> io::Result<()> {
    loop {
        let frame = read_frame(client)?;
        let kind = i16::from_be_bytes([frame[KIND], frame[KIND + 1]]);
        match shared.judge(kind) {
            None => write_frame(broker, &frame)?,
            Some(Loss::Request) => return Ok(()),
            Some(Loss::Answer) => {
                doomed.store(number(&frame, REQUEST_NUMBER), Ordering::SeqCst);
                return write_frame(broker, &frame);
            }
        }
    }
}

/// Ends when either side does, or the answer comes that is to be lost.
fn pass_answers(broker: &TcpStream, client: &TcpStream, doomed: &AtomicI32) -> io::Result<()> {
    loop {
        let frame = read_frame(broker)?;
        if number(&frame, ANSWER_NUMBER) == doomed.load(Ordering::SeqCst) {
            return Ok(());
        }
        write_frame(client, &frame)?;
    }
}

fn number(frame: &[u8], at: usize) -> i32 {
    i32::from_be_bytes(frame[at..at + 4].try_into().expect("four bytes"))
}

fn read_frame(mut from: &TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    assert!((4..MAX_FRAME).contains(&length), "a frame of {length} bytes");
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(frame)
}

fn write_frame(mut to: &TcpStream, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).expect("less than MAX_FRAME");
    to.write_all(&[&length.to_be_bytes()[..], frame].concat())
}

fn clone(stream: &TcpStream) -> TcpStream {
    stream.try_clone().expect("a socket can be shared")
}

/// Already closed by the other side is as good.
fn cut(one: &TcpStream, other: &TcpStream) {
    for stream in [one, other] {
        let _closed = stream.shutdown(Shutdown::Both);
    }
}
