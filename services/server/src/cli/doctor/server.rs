//! The server, if one runs.

use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};
use tributary_proto::admin::v1::ListAgenciesRequest;

use super::Finding;
use crate::{
    cli::{client::refused, failure, reach::Reach},
    config::Config,
};

const WHAT: &str = "server";
const TOKEN: &str = "admin token";

/// Whether a server answers, says that it is well, and takes the token.
pub(super) async fn check(config: &Config, reach: &Reach) -> Vec<Finding> {
    let url = match reach.asked(config) {
        Ok(asked) => asked.url,
        Err(error) => return vec![Finding::fail(WHAT, failure::line(&error), "name another --address")],
    };
    let channel = match reach.channel(config).await {
        Ok(channel) => channel,
        Err(error) => return vec![Finding::warn(WHAT, failure::line(&error), "start it if it should run")],
    };
    let health = HealthClient::new(channel).check(HealthCheckRequest { service: String::new() }).await;
    let health = match health.map(|answer| answer.into_inner().status()) {
        Ok(ServingStatus::Serving) => Finding::ok(WHAT, format!("{url} serves")),
        Ok(_) => Finding::warn(
            WHAT,
            format!("{url} answers and does not serve: it starts or stops"),
            "wait, and look again",
        ),
        Err(status) => {
            Finding::fail(WHAT, failure::line(&refused(status)), "see that it is a tributary server")
        }
    };
    vec![health, token(config, reach).await]
}

async fn token(config: &Config, reach: &Reach) -> Finding {
    let asked = async {
        let client = reach.connect(config).await?;
        let request = ListAgenciesRequest { page_size: 1, page_token: String::new() };
        client.agencies().list_agencies(request).await.map_err(refused)
    };
    match asked.await {
        Ok(_) => Finding::ok(TOKEN, "is taken"),
        Err(error) => Finding::fail(
            TOKEN,
            failure::line(&error),
            "give the one in the server's data folder, with --data-dir or --token",
        ),
    }
}
