//! Reads a connection string. No error repeats any part of it, because the part may be the password.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use bakong_flow::store::StoreError;
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use super::failure::Place;
use super::tls::{Tls, Verify};

/// The starts of a connection string. Other texts name no PostgreSQL database.
pub const SCHEMES: [&str; 2] = ["postgres://", "postgresql://"];

/// Where a database is, and how to connect.
#[derive(Clone, Debug)]
pub(super) struct Address {
    /// The driver's configuration. Its `Debug` hides the password.
    pub(super) config: Config,
    pub(super) tls: Tls,
    pub(super) place: Place,
    /// The options that select and verify the server, as they were passed. None of them is secret.
    shown_options: Vec<(Box<str>, Box<str>)>,
}

/// The options that a copy of the connection string needs.
const SHOWN_OPTIONS: [&str; 4] = ["hostaddr", "sslmode", "sslrootcert", "target_session_attrs"];

impl Address {
    /// Reads `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=verify-full` and so on.
    pub(super) fn parse(url: &str, connect_timeout: Duration) -> Result<Self, StoreError> {
        let rest = SCHEMES
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme))
            .ok_or_else(|| invalid("it must start with postgres://"))?;
        // The user and the password end at the first at sign, as for the driver. Either may contain a question mark.
        let credentials_end = rest.find('@').map_or(0, |at| at + 1);
        let (credentials, rest) = rest.split_at(credentials_end);
        let (server, query) = match rest.split_once('?') {
            Some((server, query)) => (server, Some(query)),
            None => (rest, None),
        };
        // A password with one of these characters would be read as a part of the host or the path.
        if server.contains('@') || credentials.contains('/') {
            return Err(invalid(
                "write @, /, ?, # and % in the user and the password as %40, %2F, %3F, %23 and %25",
            ));
        }
        let mut ssl_mode = SslMode::Prefer;
        let mut verify = None;
        let mut root_file = None;
        let mut others = Vec::new();
        let mut shown_options = Vec::new();
        for pair in query.into_iter().flat_map(|query| query.split('&')) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            if SHOWN_OPTIONS.contains(&key) {
                shown_options.push((key.into(), value.into()));
            }
            match key {
                "" => {}
                "sslmode" => {
                    (ssl_mode, verify) = match value {
                        "disable" => (SslMode::Disable, None),
                        "allow" | "prefer" => (SslMode::Prefer, None),
                        "require" => (SslMode::Require, None),
                        "verify-ca" => (SslMode::Require, Some(Verify::Chain)),
                        "verify-full" => (SslMode::Require, Some(Verify::Full)),
                        _ => {
                            return Err(invalid(
                                "sslmode must be disable, prefer, require, verify-ca or verify-full",
                            ));
                        }
                    };
                }
                "sslrootcert" => {
                    let path = percent_decode_str(value).decode_utf8();
                    let path =
                        path.map_err(|_| invalid("sslrootcert must be the path of a file"))?;
                    root_file = (path != "system").then(|| PathBuf::from(&*path));
                }
                "sslcert" | "sslkey" | "sslcrl" | "sslpassword" => {
                    return Err(invalid(
                        "client certificates are not supported. Remove sslcert, sslkey, sslcrl and sslpassword, and use a password",
                    ));
                }
                _ => others.push(pair),
            }
        }
        // With a root certificate, `require` verifies the chain, as in libpq.
        let verify = match (verify, &root_file, ssl_mode) {
            (Some(verify), ..) => verify,
            (None, Some(_), SslMode::Require) => Verify::Chain,
            _ => Verify::Nothing,
        };
        let others = others.join("&");
        let mut config = Config::from_str(&format!("postgres://{credentials}{server}?{others}")).map_err(|_| {
            invalid(
                "write postgres://USER:PASSWORD@HOST:PORT/DATABASE, with special characters of the password as %40 and so on, and only known options",
            )
        })?;
        if config.get_hosts().is_empty() {
            return Err(invalid("the host is missing"));
        }
        if config.get_user().is_none() {
            return Err(invalid("the user is missing"));
        }
        config.ssl_mode(ssl_mode);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(connect_timeout);
        }
        if config.get_application_name().is_none() {
            config.application_name("bakong-store");
        }
        // Finds a dead peer in less time than a lease lasts.
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(3))
            .keepalives_retries(3);
        let place = Place::new(&config);
        Ok(Self {
            tls: Tls { verify, root_file },
            config,
            place,
            shown_options,
        })
    }
}

/// Returns the connection string without the password, for messages and for people to copy. Options that only tune a
/// connection are left out.
///
/// # Errors
/// [`Fatal`](bakong_flow::store::StoreErrorKind::Fatal) if the connection string is invalid. The error repeats no part of it.
pub fn without_password(url: &str) -> Result<String, StoreError> {
    let address = Address::parse(url, Duration::ZERO)?;
    // Built from what was read, so that no unexpected place of a password can be copied.
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let config = &address.config;
    let ports = config.get_ports();
    let hosts = config.get_hosts().iter().enumerate().map(|(index, host)| {
        let host = match host {
            Host::Tcp(host)
                if host.contains(|c: char| !c.is_ascii_alphanumeric() && !".-_".contains(c)) =>
            {
                encode(host)
            }
            Host::Tcp(host) => host.clone(),
            #[cfg(unix)]
            Host::Unix(path) => encode(&path.to_string_lossy()),
        };
        match ports.get(index).or(ports.first()) {
            None | Some(5432) => host,
            Some(port) => format!("{host}:{port}"),
        }
    });
    let hosts: Vec<_> = hosts.collect();
    let user = encode(config.get_user().unwrap_or_default());
    let mut text = format!("postgres://{user}@{}", hosts.join(","));
    if let Some(database) = config.get_dbname() {
        text.push('/');
        text.push_str(&encode(database));
    }
    for (index, (key, value)) in address.shown_options.iter().enumerate() {
        text.push(if index == 0 { '?' } else { '&' });
        text.push_str(&format!("{key}={value}"));
    }
    Ok(text)
}

fn invalid(reason: &str) -> StoreError {
    StoreError::fatal(format!("the connection string is invalid: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(url: &str) -> Result<Address, String> {
        let parsed = Address::parse(url, Duration::from_secs(5));
        parsed.map_err(|error| error.to_string())
    }

    #[test]
    fn a_connection_string_names_the_database_and_the_server() {
        let address = parse("postgres://shop:pw@db.example/pay").unwrap();
        assert_eq!(address.place.name(), "\"pay\" at db.example:5432");
        let address = parse("postgresql://shop@%2Frun%2Fpg:6000,b:7/").unwrap();
        assert_eq!(address.place.name(), "\"shop\" at /run/pg:6000, b:7");
    }

    #[test]
    fn the_ssl_mode_decides_what_is_verified() {
        for (query, mode, verify) in [
            ("", SslMode::Prefer, Verify::Nothing),
            ("?sslmode=disable", SslMode::Disable, Verify::Nothing),
            ("?sslmode=allow", SslMode::Prefer, Verify::Nothing),
            ("?sslmode=prefer&", SslMode::Prefer, Verify::Nothing),
            ("?sslmode=require", SslMode::Require, Verify::Nothing),
            (
                "?sslmode=require&sslrootcert=ca.pem",
                SslMode::Require,
                Verify::Chain,
            ),
            ("?sslmode=verify-ca", SslMode::Require, Verify::Chain),
            (
                "?sslmode=verify-full&sslrootcert=system",
                SslMode::Require,
                Verify::Full,
            ),
        ] {
            let address = parse(&format!("postgres://u@h/d{query}")).unwrap();
            assert_eq!(
                (address.config.get_ssl_mode(), address.tls.verify),
                (mode, verify),
                "{query}"
            );
        }
        let address = parse("postgres://u@h/d?sslrootcert=%2Fa%20b.pem").unwrap();
        assert_eq!(address.tls.root_file, Some("/a b.pem".into()));
    }

    #[test]
    fn an_empty_option_is_ignored_and_an_unknown_one_is_not() {
        for query in ["?", "?&", "?sslmode=disable&&connect_timeout=3"] {
            parse(&format!("postgres://u@h/d{query}")).unwrap();
        }
        let error = parse("postgres://u@h/d?unknown=1").unwrap_err();
        assert!(error.contains("only known options"), "{error}");
    }

    #[test]
    fn a_client_certificate_is_refused() {
        for option in ["sslcert", "sslkey", "sslcrl", "sslpassword"] {
            let error = parse(&format!("postgres://u@h/d?{option}=geheim")).unwrap_err();
            assert!(error.contains("client certificates"), "{error}");
            assert!(!error.contains("geheim"), "{error}");
        }
    }

    #[test]
    fn a_copy_of_the_connection_string_has_no_secret_password() {
        for (url, copy) in [
            ("postgres://shop:geheim@h", "postgres://shop@h"),
            ("postgresql://shop@h:6000,g/d", "postgres://shop@h:6000,g/d"),
            ("postgres://shop@pg-1.a_b/d", "postgres://shop@pg-1.a_b/d"),
            (
                "postgres://shop:geheim@h/d?sslmode=require&connect_timeout=3&password=geheim",
                "postgres://shop@h/d?sslmode=require",
            ),
            (
                "postgres://a%40b:12?sslrootcert=geheim&x@[::1]/%2Fd?sslrootcert=%2Fca.pem",
                "postgres://a%40b@%3A%3A1/%2Fd?sslrootcert=%2Fca.pem",
            ),
            (
                "postgres://h/d?user=shop&p%61ssword=geheim",
                "postgres://shop@h/d",
            ),
            (
                "postgres://shop:geheim@%2Frun%2Fpg/d",
                "postgres://shop@%2Frun%2Fpg/d",
            ),
        ] {
            assert_eq!(without_password(url).unwrap(), copy);
            // The copy names the same database.
            let (url, copy) = (parse(url).unwrap(), parse(copy).unwrap());
            assert_eq!(url.place.name(), copy.place.name());
            assert_eq!(url.config.get_user(), copy.config.get_user());
        }
        assert!(without_password("postgres://shop:ge@heim@h").is_err());
    }

    #[test]
    fn no_error_and_no_debug_output_has_the_secret_password() {
        for url in [
            "postgres://u:geheim@h/d?unknown=1",
            "postgres://u:geheim@h/d?sslmode=geheim",
            "postgres://u:ge@geheim@h/d",
            "postgres://u:12/geheim@h/d",
            "postgres://u:geheim@h:port/d",
            "mysql://u:geheim@h/d",
            "postgres://:geheim@/d",
        ] {
            match parse(url) {
                Ok(address) => panic!("{url} was accepted: {address:?}"),
                Err(error) => assert!(!error.contains("geheim"), "{error}"),
            }
        }
        let address = parse("postgres://u:geheim@h/d").unwrap();
        assert_eq!(address.config.get_password(), Some(&b"geheim"[..]));
        assert!(!format!("{address:?}").contains("geheim"));
        // A password may contain a question mark or an invalid escape.
        for url in ["postgres://u:12?geheim@h/d", "postgres://u:%zzgeheim@h/d"] {
            let address = parse(url).unwrap();
            assert!(!format!("{address:?}").contains("geheim"));
        }
    }
}
