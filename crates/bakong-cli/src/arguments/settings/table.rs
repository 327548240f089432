//! The options that are settings: their values can also come from a variable or from a profile.

use crate::common::config_file::Kind;

/// An option that is a setting of some commands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// The name of the option, and of the key in a profile.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// The commands that have it as a setting.
    pub(super) commands: &'static [&'static str],
    /// Whether a value of a profile may be used only for the server of the profile.
    pub(super) is_of_server: bool,
    /// Whether the command itself reads the variable.
    pub(super) is_read_by_command: bool,
}

impl Setting {
    /// `BAKONG_` and the name in upper case.
    pub(super) fn variable(&self) -> String {
        format!("BAKONG_{}", self.name.to_uppercase().replace('-', "_"))
    }
}

/// The commands that send requests.
const BAKONG: &[&str] = &[
    "account check",
    "checkout",
    "deeplink",
    "doctor",
    "login",
    "token renew",
    "token request",
    "token status",
    "token verify",
    "tx check",
    "tx diagnose",
    "watch",
];
/// The commands with a token file.
const TOKEN: &[&str] = &[
    "account check",
    "checkout",
    "doctor",
    "login",
    "token renew",
    "token request",
    "token status",
    "token verify",
    "tx check",
    "tx diagnose",
    "watch",
];
/// The commands that save a token in the token file. They do not read `BAKONG_TOKEN`.
pub(super) const SAVES_TOKEN: &[&str] = &["login", "token renew", "token request", "token verify"];
/// The commands that create the config file and the profile.
pub(super) const CREATES_PROFILE: &[&str] = &["login"];
/// The commands that report an invalid config file themselves.
pub(super) const REPORTS_CONFIG: &[&str] = &["doctor"];
/// The commands with an e-mail address for renewals. They accept it only together with a token file.
pub(super) const RENEWS_TOKEN: &[&str] = &[
    "account check",
    "checkout",
    "doctor",
    "tx check",
    "tx diagnose",
    "watch",
];
const EMAIL: &[&str] = &[
    "account check",
    "checkout",
    "doctor",
    "login",
    "token renew",
    "token request",
    "tx check",
    "tx diagnose",
    "watch",
];
const KEEP: &[&str] = &["checkout", "watch"];
const PAYMENTS: &[&str] = &[
    "payments export",
    "payments list",
    "payments reconcile",
    "payments resolve",
    "payments show",
];
const STORE: &[&str] = &[
    "checkout",
    "doctor",
    "payments export",
    "payments list",
    "payments reconcile",
    "payments resolve",
    "payments show",
    "store backup",
    "store check",
    "store migrate",
    "watch",
];
const CODE: &[&str] = &["checkout", "qr generate"];
const GENERATE: &[&str] = &["qr generate"];
const CHECKOUT: &[&str] = &["checkout"];
const WATCH: &[&str] = &["watch"];
const QUOTA: &[&str] = &["doctor", "watch"];
const REGISTER: &[&str] = &["login", "token request"];
const DEEPLINK: &[&str] = &["deeplink"];

/// All settings. What belongs to one payment, such as `--amount` and `--currency`, is none. A token file comes before the
/// address that renews it.
pub(super) const SETTINGS: &[Setting] = &[
    plain("env", Kind::Text, BAKONG),
    plain("base-url", Kind::Text, BAKONG),
    of_server("allow-plain-http", Kind::Switch, BAKONG),
    of_server("ca-file", Kind::Path, BAKONG),
    of_server("token-file", Kind::Path, TOKEN),
    read_by_command(of_server("email", Kind::Text, EMAIL)),
    read_by_command(plain("store", Kind::Place, STORE)),
    plain("no-store", Kind::Switch, KEEP),
    of_server("registration", Kind::Text, PAYMENTS),
    plain("account", Kind::Text, CODE),
    plain("name", Kind::Text, CODE),
    plain("city", Kind::Text, CODE),
    plain("merchant-id", Kind::Text, CODE),
    plain("bank", Kind::Text, CODE),
    plain("account-information", Kind::Text, GENERATE),
    plain("mobile", Kind::Text, GENERATE),
    plain("terminal", Kind::Text, GENERATE),
    plain("language", Kind::Text, GENERATE),
    plain("alternate-name", Kind::Text, GENERATE),
    plain("alternate-city", Kind::Text, GENERATE),
    plain("union-pay", Kind::Text, GENERATE),
    plain("category-code", Kind::Text, GENERATE),
    plain("expires-in", Kind::Text, CHECKOUT),
    plain("qr", Kind::Text, CODE),
    plain("quota", Kind::Number, QUOTA),
    plain("policy", Kind::Text, WATCH),
    plain("no-lists", Kind::Switch, WATCH),
    plain("organization", Kind::Text, REGISTER),
    plain("project", Kind::Text, REGISTER),
    plain("icon", Kind::Text, DEEPLINK),
    plain("app", Kind::Text, DEEPLINK),
    plain("callback", Kind::Text, DEEPLINK),
];

const fn plain(name: &'static str, kind: Kind, commands: &'static [&'static str]) -> Setting {
    Setting {
        name,
        kind,
        commands,
        is_of_server: false,
        is_read_by_command: false,
    }
}

const fn of_server(name: &'static str, kind: Kind, commands: &'static [&'static str]) -> Setting {
    Setting {
        is_of_server: true,
        ..plain(name, kind, commands)
    }
}

const fn read_by_command(setting: Setting) -> Setting {
    Setting {
        is_read_by_command: true,
        ..setting
    }
}

/// Returns the type of a key of a profile.
pub(super) fn kind_of(key: &str) -> Option<Kind> {
    let setting = SETTINGS.iter().find(|setting| setting.name == key)?;
    Some(setting.kind)
}

#[cfg(test)]
mod tests {
    use clap::{ArgAction, Command, CommandFactory};

    use super::*;
    use crate::arguments::Arguments;

    /// Options with the name of a setting that are none: the comparison with an order, the label of a store in a code, the
    /// choice of a mailbox, and the quota of a sandbox.
    const OTHERS: &[(&str, &str)] = &[
        ("tx check", "account"),
        ("qr generate", "store"),
        ("qr generate", "expires-in"),
        ("sandbox", "quota"),
        ("sandbox mailbox", "email"),
        ("deeplink", "token-file"),
        ("deeplink", "email"),
    ];

    fn commands(command: &Command, path: &str, all: &mut Vec<(String, Command)>) {
        for one in command.get_subcommands() {
            let path = format!("{path} {}", one.get_name()).trim().to_owned();
            all.push((path.clone(), one.clone()));
            commands(one, &path, all);
        }
    }

    #[test]
    fn each_option_with_the_name_of_a_setting_is_one_or_is_an_exception() {
        let mut all = Vec::new();
        commands(&Arguments::command(), "", &mut all);
        for setting in SETTINGS {
            for (path, command) in &all {
                let option = command
                    .get_arguments()
                    .find(|it| it.get_long() == Some(setting.name));
                let is_setting = setting.commands.contains(&path.as_str());
                let is_other = OTHERS.contains(&(path, setting.name));
                assert_eq!(
                    option.is_some(),
                    is_setting || is_other,
                    "{path} {}",
                    setting.name
                );
                if let Some(option) = option.filter(|_| is_setting) {
                    let is_flag = matches!(option.get_action(), ArgAction::SetTrue);
                    assert_eq!(is_flag, setting.kind == Kind::Switch, "{path} {setting:?}");
                }
            }
            for path in setting.commands {
                assert!(all.iter().any(|(known, _)| known == path), "{path}");
            }
        }
    }

    #[test]
    fn a_variable_has_the_name_of_its_option() {
        let variables: Vec<_> = SETTINGS.iter().map(Setting::variable).collect();
        assert!(variables.contains(&"BAKONG_ALLOW_PLAIN_HTTP".to_owned()));
        assert!(!variables.contains(&"BAKONG_TOKEN".to_owned()));
    }
}
