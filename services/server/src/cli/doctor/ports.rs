//! The addresses that a server would listen on.

use std::{
    io::{self, ErrorKind},
    net::{SocketAddr, TcpListener},
};

use super::Finding;
use crate::config::Config;

const WHAT: &str = "addresses";

/// Whether a server could listen; only where none does.
pub(super) fn check(config: &Config) -> Finding {
    let addresses = [
        ("--http-listen", config.http.listen),
        ("--admin-listen", config.admin.listen),
        ("--operations-listen", config.operations.listen),
    ];
    for (flag, address) in addresses {
        if let Err(error) = listen(address) {
            let detail = match error.kind() {
                ErrorKind::AddrInUse => format!("{address} is in use by another process"),
                _ => format!("{address} cannot be listened on: {error}"),
            };
            return Finding::fail(WHAT, detail, format!("end it, or choose another address with {flag}"));
        }
    }
    Finding::ok(WHAT, "are free for a server")
}

fn listen(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).map(drop)
}

#[cfg(test)]
mod tests {
    use super::{super::State, *};

    #[test]
    fn an_address_that_somebody_has_is_named_with_its_flag() {
        let mut config = Config::default();
        for address in [&mut config.http.listen, &mut config.admin.listen, &mut config.operations.listen] {
            address.set_port(0);
        }
        assert_eq!(check(&config).state, State::Ok);
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        config.admin.listen = taken.local_addr().unwrap();
        let found = check(&config);
        assert_eq!(found.state, State::Fail);
        assert!(found.detail.contains(&config.admin.listen.to_string()), "{found:?}");
        assert!(found.fix.contains("--admin-listen"), "{found:?}");
    }
}
