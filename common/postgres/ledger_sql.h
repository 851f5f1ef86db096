#ifndef VECFERRY_COMMON_POSTGRES_LEDGER_SQL_H_
#define VECFERRY_COMMON_POSTGRES_LEDGER_SQL_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "common/postgres/connection.h"

namespace vecferry::postgres {

// What the ledger's files share.

// Runs `body` in a READ COMMITTED transaction: commits when it returned OK, else rolls back.
absl::Status InTransaction(Connection& session, absl::FunctionRef<absl::Status()> body);

// An INSERT of many rows in one statement.
class RowsInsert {
 public:
  // `head`: "INSERT INTO t (a, b) VALUES"; `casts`: one SQL type a column, such as "uuid".
  RowsInsert(std::string head, std::vector<std::string> casts) : head_(std::move(head)), casts_(std::move(casts)) {}
  void Add(std::vector<Param> row);
  // A statement may have 65,535 parameters; large values are sent in pieces of a few MiB.
  bool full() const { return params_.size() + casts_.size() > 20'000 || bytes_ > (4 << 20); }
  // Runs what was added; afterwards it is empty.
  absl::Status Flush(Connection& session);

 private:
  const std::string head_;
  const std::vector<std::string> casts_;
  std::string values_;
  std::vector<Param> params_;
  std::size_t bytes_ = 0;
};

// Terminates the sessions of this database whose application_name begins with `prefix`, but for our own, and waits
// until they are gone. Errors: kPermissionDenied (another role's sessions); kUnavailable (one does not end).
absl::Status TerminateSessions(Connection& session, const std::string& prefix);

// Key of the session advisory lock that a migration's coordinator holds, as an SQL expression over parameter $1.
inline constexpr char kMigrationLockKey[] = "hashtextextended('vecferry/migration/' || $1::uuid::text, 0)";

}  // namespace vecferry::postgres

#endif  // VECFERRY_COMMON_POSTGRES_LEDGER_SQL_H_
