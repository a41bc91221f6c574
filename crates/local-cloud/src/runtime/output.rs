//! What a process writes: one pipe for both outputs, cut into lines, sent to the log stream.
//!
//! A function writes a line and then answers. The line must come before REPORT in the log, although the pipe and
//! the answer are separate. So two readers share the pipe: a task, whenever something is written, and the
//! environment ([`Output::drain`]), before it writes END and REPORT.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};

use tokio::net::unix::pipe::Receiver;

use super::lock;
use super::log_writer::LogWriter;

/// CloudWatch Logs takes events up to 1 MB; Lambda cuts at 256 KB.
const LONGEST_LINE: usize = 256 * 1024;

/// The reading end.
#[derive(Debug)]
pub(super) struct Output {
    inner: Mutex<LineBuffer>,
    pipe: File,
    stream: Arc<LogWriter>,
}

#[derive(Debug)]
struct LineBuffer {
    rest: Vec<u8>,
    ended: bool,
}

impl Output {
    /// A new pipe: the side to read, and the side for the process.
    pub(super) fn open(stream: Arc<LogWriter>) -> io::Result<(Arc<Self>, OwnedFd)> {
        let (reader, writer) = io::pipe()?;
        let reader = OwnedFd::from(reader);
        let second = reader.try_clone()?;
        // Sets the pipe itself to not block, and so its second descriptor too.
        let readiness = Receiver::from_owned_fd(reader)?;
        let inner = LineBuffer {
            rest: Vec::new(),
            ended: false,
        };
        let output = Arc::new(Self {
            inner: Mutex::new(inner),
            pipe: File::from(second),
            stream,
        });
        tokio::spawn(pump(Arc::clone(&output), readiness));
        Ok((output, OwnedFd::from(writer)))
    }

    /// Sends every whole line that is in the pipe by now. `false` after the end.
    pub(super) fn drain(&self) -> bool {
        let mut pipe = &self.pipe;
        self.read(|chunk| pipe.read(chunk))
    }

    /// The same through tokio, which has to know that the pipe is empty again.
    fn drain_ready(&self, readiness: &Receiver) -> bool {
        self.read(|chunk| readiness.try_read(chunk))
    }

    fn read(&self, read: impl FnMut(&mut [u8]) -> io::Result<usize>) -> bool {
        let mut inner = lock(&self.inner);
        let mut lines = Vec::new();
        inner.read(read, &mut lines);
        if inner.ended && !inner.rest.is_empty() {
            lines.push(String::from_utf8_lossy(&std::mem::take(&mut inner.rest)).into_owned());
        }
        let more = !inner.ended;
        // Still under the lock, so that the two readers keep the order of lines.
        if !lines.is_empty() {
            self.stream.write(lines);
        }
        more
    }
}

impl LineBuffer {
    fn read(
        &mut self,
        mut read: impl FnMut(&mut [u8]) -> io::Result<usize>,
        lines: &mut Vec<String>,
    ) {
        let mut chunk = [0; 16 * 1024];
        while !self.ended {
            match read(&mut chunk) {
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

async fn pump(output: Arc<Output>, readiness: Receiver) {
    while readiness.readable().await.is_ok() {
        if !output.drain_ready(&readiness) {
            return;
        }
    }
}
