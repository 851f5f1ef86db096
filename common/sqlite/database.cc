#include "common/sqlite/database.h"

#include <sqlite3.h>

#include <algorithm>
#include <cassert>

#include "absl/strings/str_cat.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/sqlite/file_access.h"
#include "common/sqlite/sqlite_status.h"

namespace vecferry::sqlite {
namespace {

// A writer in rollback-journal mode holds its exclusive lock for one commit only.
constexpr int kBusyMilliseconds = 5000;
// Enough of a statement to find it again.
constexpr std::size_t kSqlShownBytes = 160;

std::string Shown(absl::string_view sql) {
  return absl::StrCat("in: ", core::SanitizeText(sql.substr(0, kSqlShownBytes)),
                      sql.size() > kSqlShownBytes ? "..." : "");
}

// SQLite binds NULL for a null pointer, whatever the length.
const char* Pointer(absl::string_view bytes) { return bytes.data() == nullptr ? "" : bytes.data(); }

absl::Status Configure(sqlite3* database) {
  sqlite3_extended_result_codes(database, 1);
  sqlite3_busy_timeout(database, kBusyMilliseconds);
  // What the file itself says is not trusted to call functions that act; a misspelled "name" is an error, no string.
  sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(database, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  // No mmap: mapped pages count as our memory, and a file that shrinks would end the process by SIGBUS.
  // cell_size_check: damage is found when a page is read, not rows later.
  const int code =
      sqlite3_exec(database, "PRAGMA mmap_size = 0; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY", nullptr,
                   nullptr, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : ToStatus(database, code, "opening");
}

absl::StatusOr<std::int64_t> OpenedBytes(sqlite3* database) {
  sqlite3_file* file = nullptr;
  sqlite3_int64 bytes = 0;
  int code = sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (code == SQLITE_OK) code = file->pMethods->xFileSize(file, &bytes);
  if (code != SQLITE_OK) return ToStatus(database, code, "asking for the file's length");
  return bytes;
}

absl::Status CheckLength(sqlite3* database, std::int64_t least) {
  if (least == 0) return absl::OkStatus();
  ASSIGN_OR_RETURN(const std::int64_t bytes, OpenedBytes(database));
  if (bytes >= least) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(core::SanitizeText(sqlite3_db_filename(database, "main")), " lost bytes while it was read: it has ",
                   bytes, " of ", least,
                   ", and what was read since may be wrong. Bring the whole file back and run the "
                   "same command again"));
}

}  // namespace

void Statement::Finalize::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
void Database::Close::operator()(sqlite3* database) const { sqlite3_close_v2(database); }

void Statement::Bind(int index, const core::ValueView& value) {
  int code = SQLITE_OK;
  switch (value.storage) {
    case core::StorageClass::kNull: code = sqlite3_bind_null(statement_.get(), index); break;
    case core::StorageClass::kInteger: code = sqlite3_bind_int64(statement_.get(), index, value.integer); break;
    case core::StorageClass::kReal: code = sqlite3_bind_double(statement_.get(), index, value.real); break;
    case core::StorageClass::kText:
      code = sqlite3_bind_text64(statement_.get(), index, Pointer(value.bytes), value.bytes.size(), SQLITE_TRANSIENT,
                                 SQLITE_UTF8);
      break;
    case core::StorageClass::kBlob:
      code = sqlite3_bind_blob64(statement_.get(), index, Pointer(value.bytes), value.bytes.size(), SQLITE_TRANSIENT);
      break;
  }
  assert(code == SQLITE_OK);
  static_cast<void>(code);
}

absl::StatusOr<bool> Statement::Step() {
  const int code = sqlite3_step(statement_.get());
  if (code == SQLITE_ROW) return true;
  sqlite3* const database = sqlite3_db_handle(statement_.get());
  if (code != SQLITE_DONE) return ToStatus(database, code, Shown(sqlite3_sql(statement_.get())));
  RETURN_IF_ERROR(CheckLength(database, *bytes_least_));
  return false;
}

void Statement::Reset() { sqlite3_reset(statement_.get()); }

int Statement::columns() const { return sqlite3_column_count(statement_.get()); }

core::ValueView Statement::Column(int index) const {
  sqlite3_stmt* statement = statement_.get();
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER: return core::ValueView::Integer(sqlite3_column_int64(statement, index));
    case SQLITE_FLOAT: return core::ValueView::Real(sqlite3_column_double(statement, index));
    case SQLITE_TEXT: {
      // The pointer before the length: a UTF-16 text is converted by asking for the pointer.
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, index));
      const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
      return core::ValueView::Text(text == nullptr ? absl::string_view("") : absl::string_view(text, bytes));
    }
    case SQLITE_BLOB: {
      const auto* blob = static_cast<const char*>(sqlite3_column_blob(statement, index));
      const auto bytes = static_cast<std::size_t>(sqlite3_column_bytes(statement, index));
      return core::ValueView::Blob(blob == nullptr ? absl::string_view("") : absl::string_view(blob, bytes));
    }
    default: return core::ValueView::Null();
  }
}

absl::string_view Statement::ColumnName(int index) const { return sqlite3_column_name(statement_.get(), index); }

absl::StatusOr<Database> Database::Open(const std::string& path, bool immutable) {
  RETURN_IF_ERROR(CheckRegularFile(path));
  sqlite3* handle = nullptr;
  const int opened = sqlite3_open_v2(ReadOnlyUri(path, immutable).c_str(), &handle,
                                     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, nullptr);
  Database database(handle);
  if (opened != SQLITE_OK) return ToStatus(handle, opened, "opening");
  ASSIGN_OR_RETURN(const FileHeader header, ReadFileHeader(handle));
  if (!header.HasMagic()) RETURN_IF_ERROR(ExplainHeader(header, path));
  absl::Status readable = Configure(handle);
  // The first page that SQLite reads shows whether it is a database at all.
  if (readable.ok()) readable = database.QueryValue("SELECT count(*) FROM sqlite_schema").status();
  if (readable.code() == absl::StatusCode::kDataLoss) RETURN_IF_ERROR(ExplainHeader(header, path));
  RETURN_IF_ERROR(readable);
  if (immutable) RETURN_IF_ERROR(database.NoteLength());
  return database;
}

absl::StatusOr<Statement> Database::Prepare(absl::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int code = sqlite3_prepare_v3(database_.get(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (code != SQLITE_OK) return ToStatus(database_.get(), code, Shown(sql));
  return Statement(statement, bytes_least_.get());
}

absl::StatusOr<core::Value> Database::QueryValue(absl::string_view sql) {
  ASSIGN_OR_RETURN(Statement statement, Prepare(sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  if (!row) return core::Value();
  RETURN_IF_ERROR(CheckWhole());
  return core::Value(statement.Column(0));
}

void Database::Interrupt() { sqlite3_interrupt(database_.get()); }

// Pages of the state may also lie in the log alone: then the file is shorter, and may stay so.
absl::Status Database::NoteLength() {
  ASSIGN_OR_RETURN(const core::Value pages, QueryValue("PRAGMA page_count"));
  ASSIGN_OR_RETURN(const core::Value page_bytes, QueryValue("PRAGMA page_size"));
  ASSIGN_OR_RETURN(const std::int64_t bytes, OpenedBytes(database_.get()));
  *bytes_least_ = std::min(bytes, pages.integer * page_bytes.integer);
  return absl::OkStatus();
}

absl::Status Database::CheckWhole() const { return CheckLength(database_.get(), *bytes_least_); }

// BEGIN alone takes no lock: the first page read does.
absl::Status Database::BeginReading() {
  RETURN_IF_ERROR(QueryValue("BEGIN").status());
  RETURN_IF_ERROR(QueryValue("SELECT 1 FROM sqlite_schema LIMIT 1").status());
  return NoteLength();
}

void Database::EndReading() {
  *bytes_least_ = 0;
  for (sqlite3_stmt* each = nullptr; (each = sqlite3_next_stmt(database_.get(), each)) != nullptr;) sqlite3_reset(each);
  // An error would say that there is no transaction.
  sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
}

}  // namespace vecferry::sqlite
