//! Adds the values of variables and of a profile to the command line.
//!
//! A first parse finds the subcommand and the options that are given. For each setting that is not given, its value is inserted
//! after the subcommand as `--name=value`. The second parse then treats all values alike, wherever they come from.

mod table;

use std::ffi::OsString;
use std::path::PathBuf;

use bakong_api::{BaseUrl, Environment};
use clap::parser::ValueSource;
use clap::{Arg, ArgMatches, Command};
use khqr_core::Printable;

use self::table::{
    CREATES_PROFILE, RENEWS_TOKEN, REPORTS_CONFIG, SAVES_TOKEN, SETTINGS, Setting, kind_of,
};
use crate::common::config_file::{
    self, ConfigPath, DEFAULT_PROFILE, Kind, Profile, Profiles, is_blank, shown,
};
use crate::common::exit::Failure;
use crate::common::origin::Origins;

/// The environment variable that selects the profile.
const PROFILE: &str = "BAKONG_PROFILE";

/// The options that select the server.
const SERVER: [&str; 2] = ["env", "base-url"];

/// The command line with the values of the settings.
#[derive(Debug)]
pub(crate) struct Settings {
    /// All arguments, the first of which is the program.
    pub(crate) arguments: Vec<OsString>,
    /// The config file and the profile, if the command has settings.
    pub(crate) selection: Selection,
    pub(crate) origins: Origins,
}

/// The config file and the selected profile.
#[derive(Clone, Default, Debug)]
pub(crate) struct Selection {
    /// The path of the config file, which may not exist.
    pub(crate) file: Option<PathBuf>,
    /// The name of the profile, which may not exist.
    pub(crate) name: String,
    /// The keys of the profile; `None` if it does not exist.
    pub(crate) profile: Option<Profile>,
    /// Why the config file or the profile cannot be used. Other commands than `doctor` end with it.
    pub(crate) problem: Option<Failure>,
}

/// The command that is called, after the first parse.
struct Call<'a> {
    /// The names of the command and its groups.
    path: Vec<&'a str>,
    command: &'a Command,
    matches: &'a ArgMatches,
}

/// A value that a variable or the profile gives to an option.
struct Value<'a> {
    setting: &'static Setting,
    argument: &'a Arg,
    /// `None` for a switch.
    text: Option<OsString>,
    source: String,
}

impl Settings {
    /// Adds the values of the settings to a command line.
    ///
    /// # Errors
    ///
    /// The config file, the profile or the value of a switch is invalid.
    pub(super) fn apply(command: Command, arguments: Vec<OsString>) -> Result<Self, Failure> {
        let unchanged = |arguments| Self {
            arguments,
            selection: Selection::default(),
            origins: Origins::default(),
        };
        let mut root = command.ignore_errors(true);
        // The second parse prints the help and the errors.
        let Ok(matches) = root.try_get_matches_from_mut(&arguments) else {
            return Ok(unchanged(arguments));
        };
        let Some(call) = Call::of(&root, &matches) else {
            return Ok(unchanged(arguments));
        };
        if call.settings().next().is_none() {
            return Ok(unchanged(arguments));
        }
        let selection = match call.selection() {
            Err(failure) if call.is_one_of(REPORTS_CONFIG) => Selection {
                problem: Some(failure),
                ..Selection::default()
            },
            selection => selection?,
        };
        let mut origins = Origins::default();
        let values = call.values(&selection, &mut origins)?;
        let mut added = Vec::new();
        for value in values {
            origins.add(value.setting.name, value.source);
            let mut option = OsString::from(format!("--{}", value.setting.name));
            if let Some(text) = value.text {
                option.push("=");
                option.push(text);
            }
            added.push(option);
        }
        let end = end_of_path(&root, &call.path, &arguments);
        let mut arguments = arguments;
        arguments.splice(end..end, added);
        Ok(Self {
            arguments,
            selection,
            origins,
        })
    }
}

impl<'a> Call<'a> {
    /// Returns the innermost command; `None` if no command is called.
    fn of(root: &'a Command, matches: &'a ArgMatches) -> Option<Self> {
        let (mut path, mut command, mut matches) = (Vec::new(), root, matches);
        while let Some((name, inner)) = matches.subcommand() {
            command = command.find_subcommand(name)?;
            matches = inner;
            path.push(name);
        }
        (!path.is_empty()).then_some(Self {
            path,
            command,
            matches,
        })
    }

    /// The settings of this command, and their options.
    fn settings(&self) -> impl Iterator<Item = (&'static Setting, &'a Arg)> {
        let path = self.path.join(" ");
        let settings = SETTINGS
            .iter()
            .filter(move |setting| setting.commands.contains(&path.as_str()));
        settings.filter_map(|setting| {
            let mut arguments = self.command.get_arguments();
            let argument = arguments.find(|it| it.get_long() == Some(setting.name))?;
            Some((setting, argument))
        })
    }

    fn is_one_of(&self, commands: &[&str]) -> bool {
        commands.contains(&self.path.join(" ").as_str())
    }

    /// Whether the option is on the command line.
    fn is_given(&self, argument: &Arg) -> bool {
        let id = argument.get_id().as_str();
        // An option of another command has no value here.
        matches!(self.matches.try_contains_id(id), Ok(true))
            && self.matches.value_source(id) == Some(ValueSource::CommandLine)
    }

    /// Whether the two options cannot be combined.
    fn conflict(&self, one: &Arg, other: &Arg) -> bool {
        let forbids = |one: &Arg, other: &Arg| {
            let conflicts = self.command.get_arg_conflicts_with(one);
            conflicts.iter().any(|it| it.get_id() == other.get_id())
        };
        forbids(one, other) || forbids(other, one)
    }

    /// Whether an option of the command line excludes this one.
    fn is_excluded(&self, argument: &Arg) -> bool {
        let mut given = self.command.get_arguments().filter(|it| self.is_given(it));
        given.any(|it| self.conflict(argument, it))
    }

    /// The value of an option of the command line.
    fn text(&self, name: &str) -> Option<String> {
        let mut arguments = self.command.get_arguments();
        let argument = arguments.find(|it| it.get_long() == Some(name) && self.is_given(it))?;
        let mut raw = self.matches.get_raw(argument.get_id().as_str())?;
        Some(raw.next()?.to_string_lossy().into_owned())
    }

    /// Reads the config file and selects the profile.
    fn selection(&self) -> Result<Selection, Failure> {
        let given = self.matches.get_one::<String>("profile").cloned();
        let variable = std::env::var_os(PROFILE).filter(|value| !is_blank(value));
        let variable = variable.map(|name| name.to_string_lossy().into_owned());
        let source = if given.is_some() {
            "--profile"
        } else {
            PROFILE
        };
        let named = given.or(variable);
        let name = named.as_deref().unwrap_or(DEFAULT_PROFILE).to_owned();
        let Some(path) = ConfigPath::find() else {
            return match named {
                Some(_) => Err(Failure::usage(format!(
                    "{source}: the user has no config folder; name the config file with {}",
                    config_file::VARIABLE
                ))),
                None => Ok(Selection {
                    name,
                    ..Selection::default()
                }),
            };
        };
        let file = path.read(kind_of)?;
        let must_exist = !self.is_one_of(CREATES_PROFILE);
        if file.is_none() && path.is_named && must_exist {
            return Err(Failure::usage(format!(
                "{}: there is no file {}",
                config_file::VARIABLE,
                shown(&path.path)
            )));
        }
        let profile = file.as_ref().and_then(|file| file.get(&name));
        if profile.is_none() && named.is_some() && must_exist {
            return Err(unknown_profile(source, &name, &path, file.as_ref()));
        }
        if let Some(profile) = profile {
            check(&name, profile, &path)?;
        }
        Ok(Selection {
            name,
            profile: profile.cloned(),
            file: Some(path.path),
            problem: None,
        })
    }

    /// The values of variables, and then those of the profile.
    fn values(
        &self,
        selection: &Selection,
        origins: &mut Origins,
    ) -> Result<Vec<Value<'a>>, Failure> {
        let mut values: Vec<Value<'_>> = Vec::new();
        // Options that the profile may not set, because a variable does.
        let mut set = Vec::new();
        for (setting, argument) in self.settings() {
            let variable = setting.variable();
            let text = std::env::var_os(&variable).filter(|value| !is_blank(value));
            let Some(text) = text.filter(|_| !self.is_given(argument)) else {
                continue;
            };
            set.push(argument);
            if setting.is_read_by_command || self.is_excluded(argument) {
                continue;
            }
            let text = match setting.kind {
                Kind::Switch => match text.to_str().map(str::trim) {
                    Some("true") => None,
                    Some("false") => continue,
                    _ => {
                        return Err(Failure::usage(format!(
                            "{variable}: expected true or false"
                        )));
                    }
                },
                _ => Some(text),
            };
            if let Some(other) = values
                .iter()
                .find(|it| self.conflict(argument, it.argument))
            {
                return Err(Failure::usage(format!(
                    "{} and {variable} cannot be combined; unset one of them",
                    other.source
                )));
            }
            values.push(Value {
                setting,
                argument,
                text,
                source: variable,
            });
        }
        let Some(profile) = &selection.profile else {
            return Ok(values);
        };
        let is_other_server = self.is_other_server(profile);
        let mut has_token_file = false;
        for (setting, argument) in self.settings() {
            let Some(entry) = profile.get(setting.name) else {
                continue;
            };
            let excluded = self.is_given(argument)
                || set.iter().any(|it| it.get_id() == argument.get_id())
                || self.is_excluded(argument)
                || set.iter().any(|it| self.conflict(argument, it));
            if excluded || (setting.kind == Kind::Switch && entry.value != "true") {
                continue;
            }
            let source = format!(
                "line {} of {}, profile \"{}\"",
                entry.line,
                selection.shown_file(),
                Printable(&selection.name)
            );
            if setting.is_of_server && is_other_server {
                if setting.name == "token-file" {
                    origins.set_unused_token(format!(
                        "The token file in {source}, is for another server and is not used"
                    ));
                }
                continue;
            }
            match setting.name {
                "token-file" => {
                    if !self.is_one_of(SAVES_TOKEN) && is_token_variable_set() {
                        continue;
                    }
                    has_token_file = true;
                }
                // The address belongs to the registration of the token file.
                "email" if self.is_one_of(RENEWS_TOKEN) && !has_token_file => continue,
                _ => {}
            }
            let text = (setting.kind != Kind::Switch).then(|| entry.value.clone().into());
            values.push(Value {
                setting,
                argument,
                text,
                source,
            });
        }
        Ok(values)
    }

    /// Whether the command line or a variable selects another server than the profile.
    fn is_other_server(&self, profile: &Profile) -> bool {
        let given = SERVER.map(|name| self.text(name));
        let given = if given.iter().any(Option::is_some) {
            given
        } else {
            SERVER.map(|name| {
                let setting = SETTINGS.iter().find(|setting| setting.name == name)?;
                let text = std::env::var_os(setting.variable()).filter(|value| !is_blank(value))?;
                Some(text.to_string_lossy().into_owned())
            })
        };
        let own = SERVER.map(|name| profile.get(name).map(|entry| entry.value.clone()));
        match server(given) {
            None => false,
            // A server that cannot be parsed is an error later.
            Some(given) => given.is_none() || Some(given) != server(own),
        }
    }
}

impl Selection {
    /// The path of the file in a form that is safe to print.
    pub(crate) fn shown_file(&self) -> String {
        self.file.as_deref().map(shown).unwrap_or_default()
    }
}

/// The server that `env` or `base-url` names: `None` if neither is set, `Some(None)` if it is invalid.
fn server([env, base_url]: [Option<String>; 2]) -> Option<Option<String>> {
    match (base_url, env) {
        (Some(url), _) => Some(BaseUrl::new(&url).ok().map(|url| url.to_string())),
        (None, Some(name)) => {
            let environment = name.parse::<Environment>().ok();
            Some(environment.map(|it| BaseUrl::from(it).to_string()))
        }
        (None, None) => None,
    }
}

/// Checks what belongs together in a profile. A token without a server could be sent to any host.
fn check(name: &str, profile: &Profile, path: &ConfigPath) -> Result<(), Failure> {
    let wrong = |key: &str, what: &str| {
        let line = profile.get(key).map_or(1, |entry| entry.line);
        let (file, name) = (shown(&path.path), Printable(name));
        Err(Failure::usage(format!(
            "the config file {file}, line {line}: {what} in the profile \"{name}\""
        )))
    };
    let has = |key| profile.contains_key(key);
    if has("env") && has("base-url") {
        return wrong(
            "base-url",
            "env and base-url cannot be combined; remove one",
        );
    }
    if has("store") && profile.get("no-store").is_some_and(|it| it.value == "true") {
        return wrong(
            "no-store",
            "store and no-store cannot be combined; remove one",
        );
    }
    for key in ["token-file", "email"] {
        if has(key) && !SERVER.into_iter().any(has) {
            return wrong(
                key,
                &format!("{key} belongs to one server; add env or base-url"),
            );
        }
    }
    Ok(())
}

fn unknown_profile(
    source: &str,
    name: &str,
    path: &ConfigPath,
    file: Option<&Profiles>,
) -> Failure {
    let (name, path) = (Printable(name), shown(&path.path));
    let Some(file) = file else {
        return Failure::usage(format!(
            "{source}: there is no profile \"{name}\", because there is no config file {path}; bakong login creates both"
        ));
    };
    let known = file.keys();
    let known: Vec<_> = known.map(|name| Printable(name).to_string()).collect();
    let known = match known.as_slice() {
        [] => "has none".to_owned(),
        known => format!("has {}", known.join(", ")),
    };
    Failure::usage(format!(
        "{source}: there is no profile \"{name}\"; {path} {known}"
    ))
}

/// Whether `BAKONG_TOKEN` has a token.
fn is_token_variable_set() -> bool {
    std::env::var_os("BAKONG_TOKEN").is_some_and(|value| !is_blank(&value))
}

/// The index after the name of the innermost command.
fn end_of_path(root: &Command, path: &[&str], arguments: &[OsString]) -> usize {
    let (mut command, mut index) = (root, 1);
    for name in path {
        while let Some(argument) = arguments.get(index) {
            index += 1;
            let text = argument.to_string_lossy();
            if text == *name {
                break;
            }
            let option = text.strip_prefix("--");
            let takes_next = option.is_some_and(|option| {
                let mut known = command.get_arguments();
                known.any(|it| it.get_long() == Some(option) && it.get_action().takes_values())
            });
            index += usize::from(takes_next);
        }
        match command.find_subcommand(name) {
            Some(inner) => command = inner,
            None => break,
        }
    }
    index.min(arguments.len())
}
