#ifndef VECFERRY_COMMON_POSTGRES_CONNECTION_H_
#define VECFERRY_COMMON_POSTGRES_CONNECTION_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/postgres/silence.h"

struct pg_conn;
struct pg_result;

namespace vecferry::postgres {

// What Postgres said, attached to every status that one of its errors caused.
struct SqlError {
  std::string sqlstate;  // five characters
  std::string message, detail, context, constraint, table, column;
  std::int64_t copy_line = 0;  // from "COPY t, line N"; 0 = not told
};
// nullopt when `status` was not caused by an error message of Postgres.
std::optional<SqlError> GetSqlError(const absl::Status& status);

struct ConnectionOptions {
  std::string conninfo;  // libpq URL or key=value text; may hold a password: never printed
  std::string application_name = "vecferry";
  std::string search_path;  // SQL list for `SET search_path`; "" = the server's default
  absl::Duration connect_timeout = absl::Seconds(10);
  // Asked ten times a second while the server is waited for: true gives it up with kCancelled.
  std::function<bool()> stopping = [] { return false; };
  // A transaction that idles longer is ended by the server; zero = no bound.
  absl::Duration idle_in_transaction_timeout = absl::ZeroDuration();
  // Refuses a pooler that lends a session for one transaction only. Where a pooler stands, that takes a second
  // connection for a moment.
  bool own_session = false;
};

// One statement parameter: text form, or bytes for bytea.
struct Param {
  std::optional<std::string> value;
  bool binary = false;
  Param(std::nullopt_t) {}                                       // NOLINT: implicit by design
  Param(std::string text) : value(std::move(text)) {}            // NOLINT
  Param(const char* text) : value(text) {}                       // NOLINT
  Param(std::int64_t number) : value(std::to_string(number)) {}  // NOLINT
  Param(bool truth) : value(truth ? "t" : "f") {}                // NOLINT
  static Param Bytea(std::string bytes);
  static Param OptionalBytea(const std::optional<std::string>& bytes);
};

// All rows of one statement. Values are borrowed from it.
class Result {
 public:
  int rows() const;
  bool is_null(int row, int column) const;
  absl::string_view text(int row, int column) const;  // "" for NULL
  std::int64_t integer(int row, int column) const;    // 0 for NULL
  bool truth(int row, int column) const { return text(row, column) == "t"; }
  std::string bytea(int row, int column) const;  // from bytea's hex text
  std::optional<std::string> optional_bytea(int row, int column) const;
  std::int64_t affected() const;  // the command tag's count

 private:
  friend class Connection;
  struct Clear {
    void operator()(pg_result* result) const;
  };
  explicit Result(pg_result* result) : result_(result) {}
  std::unique_ptr<pg_result, Clear> result_;
};

// One session. Movable; not thread-safe, but for Canceller. Errors by SQLSTATE: 08, 57P01-57P03 and the timeouts 25P03
// and 55P03 kUnavailable; 40 kAborted; 57014 kCancelled; 53 kResourceExhausted; 23 kAlreadyExists; 42501 and 28
// kPermissionDenied; 22, 44, 21000, 54000, 54001, P0001 kInvalidArgument; 3D000 kNotFound; everything else kInternal.
// Messages never hold a password.
class Connection {
 public:
  // Sessions have client_encoding UTF8, DateStyle ISO, TimeZone UTC, TCP keepalives, and on servers that know it
  // client_connection_check_interval. A server that has gone without a farewell is noticed (silence.h): kUnavailable.
  // Errors also: kFailedPrecondition when the server is older than 13, or a pooler is refused.
  static absl::StatusOr<Connection> Open(const ConnectionOptions& options);

  // Runs one statement.
  absl::StatusOr<Result> Execute(const std::string& sql, absl::Span<const Param> params = {});
  // Runs several statements separated by semicolons, without parameters; stops at the first error.
  absl::Status ExecuteScript(const std::string& sql);

  // COPY FROM STDIN: start, send any cut of the bytes, end. Between Start and End nothing else may run.
  absl::Status StartCopy(const std::string& sql);
  absl::Status PutCopyData(absl::string_view bytes);
  // Ends the COPY and takes all its results; returns the tag's row count. A server error during COPY surfaces here or
  // in PutCopyData; afterwards the session is usable (inside a failed transaction).
  absl::StatusOr<std::int64_t> EndCopy();
  // Aborts the COPY from this side.
  void AbandonCopy();

  // COPY TO STDOUT: start, then take until nullopt, which ends it. Until then nothing else may run on this session.
  absl::Status StartCopyOut(const std::string& sql);
  // One row, as the server sends them, the first with the format's header; borrowed until the next call.
  absl::StatusOr<std::optional<absl::string_view>> TakeCopyData();

  bool in_transaction() const;  // also when the transaction has failed
  bool alive() const;           // as far as the last statement knew
  bool CheckAlive();            // looks whether the server has ended an idle session; does not wait
  int server_version() const;   // such as 150018
  std::string database() const;
  int backend_pid() const { return lifeline_.backend_pid; }

  // Cancels the running statement from another thread. Copyable handle, outlives the connection safely.
  class Canceller {
   public:
    // Returns within seconds, also when the server does not answer.
    void Cancel() const;

   private:
    friend class Connection;
    struct Handle;
    std::shared_ptr<Handle> handle_;
  };
  Canceller canceller() const;

 private:
  struct Finish {
    void operator()(pg_conn* connection) const;
  };
  Connection(pg_conn* connection, Lifeline lifeline) : connection_(connection), lifeline_(std::move(lifeline)) {}
  absl::Status ApplySettings(const ConnectionOptions& options);
  absl::Status CheckOwnSession(const ConnectionOptions& options);
  // The last result of what was sent, as PQexec has it; `sent` is what libpq said of sending.
  absl::StatusOr<Result> TakeResult(int sent);
  absl::Status Start(const std::string& sql, int copy_status);
  // Ends a COPY's results; the first error wins, `rows` gets the tag's count.
  absl::Status TakeCopyResults(std::int64_t* rows);

  struct FreeMemory {
    void operator()(char* bytes) const;
  };

  std::unique_ptr<pg_conn, Finish> connection_;
  Lifeline lifeline_;
  std::unique_ptr<char, FreeMemory> copied_;  // what TakeCopyData lent
};

// `conninfo` without its password, for people.
std::string MaskConninfo(absl::string_view conninfo);

// Resolves a connection's name to its conninfo. kNotFound: no such name.
using ConnectionResolver = std::function<absl::StatusOr<std::string>(absl::string_view name)>;

// What a transaction pooler's user is told. kFailedPrecondition.
absl::Status LentSessionError();

// Checks the version number of a server: kFailedPrecondition, naming both, for one older than 13.
absl::Status CheckServerVersion(int version);

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_CONNECTION_H_
