//! One invocation in its environment: delivery, answer, the closing lines of the log.

use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::super::invocation_env;
use super::super::job::{End, Failed, Running};
use super::super::log_writer::Report;
use super::super::protocol::{AnswerStatus, Delivery, RuntimeEvent};
use super::super::{InvocationResult, Job};
use super::{Environment, Wakeup};

impl Environment {
    /// Works on one invocation to its end.
    pub(super) async fn perform(&mut self, job: Job) {
        let began = Instant::now();
        let deadline = began + self.pool.spec.timeout;
        self.stream.begin_tail();
        let Job { invocation, reply } = job;
        let mut running = Running {
            request_id: invocation.request_id.clone(),
            wants_log: invocation.wants_log,
            reply: Some(reply),
            outcome: None,
            error_type: None,
        };
        let invoked_arn = invocation.invoked_arn.clone();
        let delivery = invocation_env::delivery(&self.pool.spec, invocation);
        let end = match self.ready_again(deadline).await {
            Ok(()) => {
                self.stream.start(&running.request_id);
                self.invoke_extensions(&running.request_id, &invoked_arn);
                self.converse(&mut running, delivery, deadline).await
            }
            Err(failed) => {
                self.stream
                    .init_report(began.elapsed(), "invoke", &failed.report());
                self.stream.start(&running.request_id);
                End::Broken(failed)
            }
        };
        self.finish(running, end, began.elapsed()).await;
    }

    /// Thaws the process, or starts a new one after a crash.
    async fn ready_again(&mut self, deadline: Instant) -> Result<(), Failed> {
        match &self.process {
            Some(process) => {
                process.thaw();
                Ok(())
            }
            None => self.initialise(deadline).await,
        }
    }

    /// Delivers the invocation, and waits until the process asks for the next one.
    async fn converse(
        &mut self,
        running: &mut Running,
        delivery: Delivery,
        deadline: Instant,
    ) -> End {
        let mut undelivered = Some(delivery.clone());
        loop {
            if let (Some(waits), Some(_)) = (&self.runtime_waits, &undelivered) {
                // A runtime whose long poll was cut off asks again.
                let open = !waits.is_closed();
                let waits = self.runtime_waits.take();
                if let (true, Some(waits), Some(delivery)) = (open, waits, undelivered.take()) {
                    undelivered = waits.send(delivery).err();
                }
            }
            match self.step(deadline).await {
                Wakeup::RuntimeEvent(RuntimeEvent::Response(id, body, say)) => {
                    self.answer(running, (id, say), InvocationResult::answered(body), None);
                }
                Wakeup::RuntimeEvent(RuntimeEvent::Failure(id, kind, body, say)) => {
                    let outcome = InvocationResult {
                        payload: body,
                        failed: true,
                        log: String::new(),
                    };
                    self.answer(running, (id, say), outcome, kind);
                }
                Wakeup::RuntimeEvent(RuntimeEvent::ExtensionFailure(kind, why)) => {
                    self.end_process().await;
                    return End::Broken(Failed::extension(kind, &why));
                }
                // A runtime that asks again before it has answered gets the same event.
                Wakeup::RuntimeEvent(RuntimeEvent::Next(waits))
                    if undelivered.is_none() && running.outcome.is_none() =>
                {
                    let _ = waits.send(delivery.clone());
                }
                Wakeup::RuntimeEvent(event) => self.note(Some(event)),
                Wakeup::Exited(status) => return End::Broken(Failed::exit(status)),
                Wakeup::OutOfMemory => return End::Broken(Failed::out_of_memory()),
                Wakeup::Late => return End::Broken(Failed::timeout(self.pool.spec.timeout)),
                Wakeup::Stopped => return End::Stopped,
            }
            if running.outcome.is_some() && self.is_ready() {
                return End::Done;
            }
        }
    }

    /// The process answered: the first answer to an invocation goes to the caller at once.
    fn answer(
        &mut self,
        running: &mut Running,
        (id, say): (String, oneshot::Sender<AnswerStatus>),
        outcome: InvocationResult,
        error_type: Option<String>,
    ) {
        let verdict = running.verdict(&id);
        if verdict == AnswerStatus::Accepted {
            self.finishing = true;
            self.pool.finishing();
            running.accept(outcome, error_type);
        }
        let _ = say.send(verdict);
    }

    /// Writes END and REPORT, and answers the caller if the process did not.
    async fn finish(&mut self, mut running: Running, end: End, took: Duration) {
        self.measure();
        if matches!(&end, End::Broken(failed) if failed.status == "timeout") {
            self.end_process().await;
        }
        if let Some(output) = &self.output {
            output.drain();
        }
        let failed = match end {
            End::Done => None,
            End::Broken(failed) => Some(failed),
            End::Stopped => return,
        };
        let report = Report {
            duration: took,
            init: self.init.take(),
            memory_mb: self.memory_mb,
            status: failed
                .as_ref()
                .map(|failed| failed.status)
                .or(running.reported_status()),
            error_type: failed
                .as_ref()
                .map(|failed| failed.kind.clone())
                .or(running.error_type.take()),
        };
        self.close_log(&running.request_id, failed.as_ref(), &report);
        let owed = failed.map(|failed| failed.outcome(&running.request_id));
        running.conclude(owed, &self.stream);
    }

    fn close_log(&self, request_id: &str, failed: Option<&Failed>, report: &Report) {
        if let Some(failed) = failed.filter(|failed| failed.status == "error") {
            let line = format!(
                "RequestId: {request_id} Error: {}\n{}\n",
                failed.message, failed.kind
            );
            self.stream.put(vec![line]);
        }
        self.stream.end(request_id, report);
        if let Some(failed) = failed.filter(|failed| failed.status == "timeout") {
            let time = self
                .environments
                .shared
                .clock
                .now()
                .strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
            self.stream
                .put(vec![format!("{time} {request_id} {}\n\n", failed.message)]);
        }
    }

    fn invoke_extensions(&mut self, request_id: &str, invoked_arn: &str) {
        let event = invocation_env::invoke_event(&self.pool.spec, request_id, invoked_arn);
        let (invoked, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.extensions_wait)
            .into_iter()
            .partition(|(index, _)| self.api.extensions().wants_invoke(*index));
        self.extensions_wait = rest;
        for (_, waits) in invoked {
            let _ = waits.send(event.clone());
        }
    }
}
