#ifndef VECFERRY_COMMON_SQLITE_DATABASE_H_
#define VECFERRY_COMMON_SQLITE_DATABASE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/core/value.h"

struct sqlite3;
struct sqlite3_stmt;

namespace vecferry::sqlite {

// A prepared statement. Once its Database is gone it may only be destroyed. Not thread-safe.
class Statement {
 public:
  void Bind(int index, const core::ValueView& value);  // from 1; copies
  // True: a row is there. Errors: kDataLoss for a damaged file, or, at the end of the rows, for one that lost bytes
  // since Database::BeginReading; kUnavailable while locked.
  absl::StatusOr<bool> Step();
  void Reset();
  int columns() const;
  core::ValueView Column(int index) const;  // from 0; bytes borrowed until the next Step, Reset or Bind
  absl::string_view ColumnName(int index) const;

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const;
  };
  Statement(sqlite3_stmt* statement, const std::int64_t* bytes_least)
      : statement_(statement), bytes_least_(bytes_least) {}
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  const std::int64_t* bytes_least_;  // the Database's
};

// One read-only connection (always SQLITE_OPEN_READONLY: a read-write one checkpoints at close and would change the
// source). Movable; may go to another thread, one thread at a time.
// Text is returned as UTF-8 bytes whatever the file's encoding, unvalidated.
class Database {
 public:
  // `immutable` only for a copy that nobody else writes. Errors say what the file is instead: kNotFound (no such file),
  // kInvalidArgument (a directory, not SQLite, encrypted), kPermissionDenied, kDataLoss (truncated or damaged).
  static absl::StatusOr<Database> Open(const std::string& path, bool immutable);

  absl::StatusOr<Statement> Prepare(absl::string_view sql);
  // First column of the first row; NULL when there is no row.
  absl::StatusOr<core::Value> QueryValue(absl::string_view sql);
  // Ends the running statement with kCancelled, from any thread, while this object lives.
  void Interrupt();
  // Begins a read transaction, which holds one state. From then on the file must keep the bytes of that state: where
  // some are missing SQLite reads zeros, as if they had been stored.
  absl::Status BeginReading();
  // Ends the transaction and every statement's run, so that no lock is held: statements lose their place.
  void EndReading();
  // kDataLoss: the file lost bytes since BeginReading; what was read may be zeros.
  absl::Status CheckWhole() const;

  sqlite3* raw() { return database_.get(); }  // for this folder only

 private:
  struct Close {
    void operator()(sqlite3* database) const;
  };
  explicit Database(sqlite3* database) : database_(database), bytes_least_(std::make_unique<std::int64_t>(0)) {}
  absl::Status NoteLength();

  std::unique_ptr<sqlite3, Close> database_;
  std::unique_ptr<std::int64_t> bytes_least_;  // that the file must have; 0 = any number
};

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_DATABASE_H_
