//! What a process writes: one pipe for both outputs, cut into lines, sent to the log stream.
//!
//! A function writes a line and then answers. The line must stand before the REPORT line, although
//! it comes by another way than the answer. So the pipe is read from two sides: by a task whenever
//! something comes, and by the environment ([`Output::drain`]) before it writes END and REPORT.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::lines::Stream;
use super::lock;

/// CloudWatch Logs takes events up to 1 MB; Lambda cuts at 256 KB.
const LONGEST_LINE: usize = 256 * 1024;

/// The reading end.
#[derive(Debug)]
pub(super) struct Output {
    inner: Mutex<Inner>,
    stream: Arc<Stream>,
}

#[derive(Debug)]
struct Inner {
    pipe: File,
    rest: Vec<u8>,
    ended: bool,
}

impl Output {
    /// A new pipe: the side to read, and the side for the process.
    pub(super) fn open(stream: Arc<Stream>) -> io::Result<(Arc<Self>, OwnedFd)> {
        let (reader, writer) = io::pipe()?;
        let reader = OwnedFd::from(reader);
        fcntl_setfl(&reader, fcntl_getfl(&reader)? | OFlags::NONBLOCK)?;
        let readiness = AsyncFd::with_interest(reader.try_clone()?, Interest::READABLE)?;
        let inner = Inner {
            pipe: File::from(reader),
            rest: Vec::new(),
            ended: false,
        };
        let output = Arc::new(Self {
            inner: Mutex::new(inner),
            stream,
        });
        tokio::spawn(pump(Arc::clone(&output), readiness));
        Ok((output, OwnedFd::from(writer)))
    }

    /// Sends every whole line that is in the pipe by now. `false` after the end.
    pub(super) fn drain(&self) -> bool {
        let mut inner = lock(&self.inner);
        let mut lines = Vec::new();
        inner.read(&mut lines);
        if inner.ended && !inner.rest.is_empty() {
            lines.push(String::from_utf8_lossy(&std::mem::take(&mut inner.rest)).into_owned());
        }
        let more = !inner.ended;
        // Still under the lock: two readers must not swap their lines.
        if !lines.is_empty() {
            self.stream.put(lines);
        }
        more
    }
}

impl Inner {
    fn read(&mut self, lines: &mut Vec<String>) {
        let mut chunk = [0; 16 * 1024];
        while !self.ended {
            match self.pipe.read(&mut chunk) {
                Ok(0) => self.ended = true,
                Ok(count) => self.cut(&chunk[..count], lines),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.ended = true,
            }
        }
    }

    fn cut(&mut self, chunk: &[u8], lines: &mut Vec<String>) {
        self.rest.extend_from_slice(chunk);
        while let Some(end) = self.line_end() {
            let line: Vec<u8> = self.rest.drain(..end).collect();
            lines.push(String::from_utf8_lossy(&line).into_owned());
        }
    }

    fn line_end(&self) -> Option<usize> {
        let newline = self
            .rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map(|at| at + 1);
        match newline {
            Some(end) => Some(end.min(LONGEST_LINE)),
            None if self.rest.len() >= LONGEST_LINE => Some(LONGEST_LINE),
            None => None,
        }
    }
}

async fn pump(output: Arc<Output>, readiness: AsyncFd<OwnedFd>) {
    while let Ok(mut ready) = readiness.readable().await {
        ready.clear_ready();
        if !output.drain() {
            return;
        }
    }
}
