//! The metrics of a server, in the text format of Prometheus.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What the metrics of a server stood at.
#[derive(Debug, Clone)]
pub(crate) struct Counters(String);

impl Counters {
    /// Asks the listener for operations.
    pub(crate) async fn read(address: SocketAddr) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: load\r\nconnection: close\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (_, text) = answer.split_once("\r\n\r\n").context("no metrics")?;
        Ok(Self(text.to_owned()))
    }

    /// Messages that are committed.
    pub(crate) fn committed(&self) -> u64 {
        self.sum("tributary_ledger_commit_batch_sum", "")
    }

    /// Transactions that they were committed with.
    pub(crate) fn commits(&self) -> u64 {
        self.sum("tributary_ledger_commit_batch_count", "")
    }

    /// Runs that made an event.
    pub(crate) fn succeeded(&self) -> u64 {
        self.sum("tributary_workflow_runs_total", "status=\"SUCCEEDED\"")
    }

    /// The sum of all values of metric `name` whose labels contain `label`.
    fn sum(&self, name: &str, label: &str) -> u64 {
        let values = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(name).filter(|rest| rest.starts_with(['{', ' ']))?;
            let (labels, value) = rest.rsplit_once(' ')?;
            labels.contains(label).then(|| value.parse::<f64>().ok())?
        });
        values.sum::<f64>() as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_summed_over_labels_and_not_over_names() {
        let text = "# TYPE tributary_workflow_runs counter\n\
            tributary_workflow_runs_total{otel_scope_name=\"t\",status=\"SUCCEEDED\"} 40\n\
            tributary_workflow_runs_total{otel_scope_name=\"t\",status=\"FAILED\"} 2\n\
            tributary_ledger_commit_batch_sum{a=\"b\"} 7\n\
            tributary_ledger_commit_batch_summary 1\n\
            tributary_ledger_commit_batch_count 3\n";
        let counters = Counters(text.to_owned());
        assert_eq!((counters.succeeded(), counters.committed(), counters.commits()), (40, 7, 3));
        assert_eq!(counters.sum("tributary_workflow_runs_total", ""), 42);
        assert_eq!(counters.sum("tributary_nothing", ""), 0);
    }
}
