//! The bare ceiling: a handler that reads the body and answers 202, and nothing else. It is a process of its own,
//! as the house is, so that both are reached in the same way.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::SocketAddr,
    process::{Child, Command, Stdio},
};

use anyhow::Context;
use axum::{Router, http::StatusCode, routing::post};
use bytes::Bytes;
use tokio::net::TcpListener;

use crate::client::Target;

/// Serves until standard input ends, as it does when whoever started this is gone; says where first.
pub(crate) fn serve() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)))?;
    writeln!(io::stdout(), "{}", listener.local_addr()?)?;
    runtime.spawn(async move { axum::serve(listener, router()).await });
    io::stdin().read_to_end(&mut Vec::new())?;
    runtime.shutdown_background();
    Ok(())
}

fn router() -> Router {
    Router::new().route(
        "/in/{secret}",
        post(async |body: Bytes| {
            // Read, as the house has to.
            drop(body);
            StatusCode::ACCEPTED
        }),
    )
}

/// The bare handler at work; it ends with this value.
#[derive(Debug)]
pub(crate) struct Ceiling {
    process: Child,
    address: SocketAddr,
}

impl Ceiling {
    /// Starts it.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--bare").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().context("the bare handler cannot be started")?;
        let output = process.stdout.take().context("the bare handler has no output")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let address = line.trim().parse().context("the bare handler did not say where it listens")?;
        Ok(Self { process, address })
    }

    /// The same requests as the house gets.
    pub(crate) fn target(&self) -> Target {
        Target::new(self.address, format!("/in/{}", "0".repeat(52)), "a signing key of the load".to_owned())
    }

    /// The number of its process.
    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Ceiling {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
