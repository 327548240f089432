//! A statement with typed parameters. Its text is parsed at each execution, so that nothing is kept in a server session
//! between transactions, which a transaction-pooling proxy would not preserve.

use tokio_postgres::types::{ToSql, Type};

/// A value of a parameter, with the type that PostgreSQL has for it.
pub(super) trait Param: ToSql + Sync + Send {
    const TYPE: Type;
    const ARRAY: Type;
}

macro_rules! params {
    ($($type:ty: $name:ident $array:ident),* $(,)?) => {$(
        impl Param for $type {
            const TYPE: Type = Type::$name;
            const ARRAY: Type = Type::$array;
        }
    )*};
}

params! {
    i64: INT8 INT8_ARRAY,
    bool: BOOL BOOL_ARRAY,
    String: TEXT TEXT_ARRAY,
    &str: TEXT TEXT_ARRAY,
    &[u8]: BYTEA BYTEA_ARRAY,
}

impl<T: Param> Param for Option<T> {
    const TYPE: Type = T::TYPE;
    const ARRAY: Type = T::ARRAY;
}

impl<T: Param> Param for Vec<T> {
    const TYPE: Type = T::ARRAY;
    const ARRAY: Type = T::ARRAY;
}

/// A statement.
pub(super) struct Statement<'a> {
    pub(super) sql: String,
    params: Vec<(Box<dyn ToSql + Sync + Send + 'a>, Type)>,
}

impl std::fmt::Debug for Statement<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values are personal data.
        f.debug_struct("Statement")
            .field("sql", &self.sql)
            .finish_non_exhaustive()
    }
}

impl<'a> Statement<'a> {
    pub(super) fn new(sql: impl Into<String>) -> Self {
        Self {
            sql: sql.into(),
            params: Vec::new(),
        }
    }

    /// Adds the value of the next parameter: `$1`, `$2` and so on.
    pub(super) fn with<T: Param + 'a>(mut self, value: T) -> Self {
        self.bind(value);
        self
    }

    /// Adds the value of the next parameter and returns its number.
    pub(super) fn bind<T: Param + 'a>(&mut self, value: T) -> usize {
        self.params.push((Box::new(value), T::TYPE));
        self.params.len()
    }

    /// Returns the parameters as the driver needs them.
    pub(super) fn params(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        let params = self.params.iter();
        params
            .map(|(value, of)| {
                let value: &(dyn ToSql + Sync) = &**value;
                (value, of.clone())
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_debug_output_has_the_sql_and_not_the_values() {
        let statement = Statement::new("SELECT $1").with("personal data");
        let shown = format!("{statement:?}");
        assert!(shown.contains("SELECT $1"), "{shown}");
        assert!(!shown.contains("personal"), "{shown}");
    }
}
