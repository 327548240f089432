//! Tables of another program, the same rules in both engines.

use bakong_store::tables::{Rejection, Statement, Tables};

const ONE: &str = "CREATE TABLE server_notes (id BIGINT PRIMARY KEY, text TEXT UNIQUE)";
const TWO: &str = "ALTER TABLE server_notes ADD COLUMN version BIGINT NOT NULL DEFAULT 1; \
    CREATE INDEX server_notes_version ON server_notes (version) WHERE version > 1";

fn insert(id: i64, text: Option<&str>) -> Statement {
    Statement::new("INSERT INTO server_notes (id, text) VALUES ($1, $2)")
        .integer(id)
        .optional_text(text.map(str::to_owned))
}

/// A statement that uses its parameters in another order than their numbers.
fn update(id: i64, version: i64, text: &str) -> Statement {
    let sql = "UPDATE server_notes SET text = $3, version = version + 1 WHERE version = $2 AND id = $1 RETURNING version";
    let update = Statement::new(sql).integer(id).integer(version).text(text);
    update.required()
}

async fn notes(tables: &dyn Tables) -> Vec<(i64, Option<String>)> {
    let select = Statement::new("SELECT id, text FROM server_notes ORDER BY id");
    let mut rows = tables.read(vec![select]).await.unwrap();
    let notes = rows.pop().unwrap().into_iter();
    notes
        .map(|mut row| (row.integer().unwrap(), row.optional_text().unwrap()))
        .collect()
}

pub(crate) async fn check(tables: &dyn Tables) {
    tables.prepare(const { &[ONE] }).await.unwrap();
    let written = tables.write(vec![insert(1, Some("one")), insert(2, None)]);
    assert_eq!(written.await.unwrap().unwrap().len(), 2);

    tables.prepare(const { &[ONE, TWO] }).await.unwrap();
    tables.prepare(const { &[ONE, TWO] }).await.unwrap();
    let error = tables.prepare(const { &[ONE] }).await.unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");

    let select = Statement::new("SELECT version FROM server_notes WHERE id = 1");
    let mut row = tables.read(vec![select]).await.unwrap()[0][0].clone();
    assert_eq!(row.integer().unwrap(), 1);
    assert!(row.integer().is_err());

    // A transaction is all or nothing.
    let written = tables.write(vec![
        insert(3, None),
        update(1, 1, "uno"),
        update(2, 9, "due"),
    ]);
    assert_eq!(written.await.unwrap().unwrap_err(), Rejection::NoRow(2));
    let written = tables.write(vec![insert(3, None), insert(4, Some("one"))]);
    assert_eq!(written.await.unwrap().unwrap_err(), Rejection::Unique);
    let before = [(1, Some("one".to_owned())), (2, None)];
    assert_eq!(notes(tables).await, before);

    let written = tables.write(vec![update(1, 1, "uno")]).await.unwrap();
    assert_eq!(written.unwrap()[0][0].clone().integer().unwrap(), 2);
    let rejected = tables.write(vec![update(1, 1, "eins")]).await.unwrap();
    assert_eq!(rejected.unwrap_err(), Rejection::NoRow(0));
    assert_eq!(notes(tables).await[0].1.as_deref(), Some("uno"));

    // An error of the database is no rejection.
    let invalid = Statement::new("UPDATE server_notes SET nothing = 1");
    tables.write(vec![invalid]).await.unwrap_err();
    let wrong = || Statement::new("SELECT nothing FROM server_notes");
    assert!(tables.read(vec![wrong()]).await.is_err());
    assert!(tables.find(wrong()).await.is_err());
    let one = || Statement::new("SELECT text FROM server_notes WHERE id = $1").integer(1);
    let found = tables.find(one()).await.unwrap();
    assert_eq!(found[0].clone().text().unwrap(), "uno");

    // Work that shares a transaction with others is rejected alone. With PostgreSQL, the order of the commits is open.
    let writes = tokio::join!(
        tables.write(vec![insert(10, None)]),
        tables.write(vec![insert(11, None)]),
        tables.write(vec![insert(12, None), update(2, 9, "due")]),
        tables.write(vec![insert(13, None)]),
        tables.write(vec![insert(14, None), insert(1, None)]),
        tables.write(vec![insert(15, None)]),
    );
    for written in [writes.0, writes.1, writes.3, writes.5] {
        written.unwrap().unwrap();
    }
    assert_eq!(writes.2.unwrap().unwrap_err(), Rejection::NoRow(1));
    assert_eq!(writes.4.unwrap().unwrap_err(), Rejection::Unique);
    let ids: Vec<_> = notes(tables).await.into_iter().map(|note| note.0).collect();
    assert_eq!(ids, [1, 2, 10, 11, 13, 15]);
}
