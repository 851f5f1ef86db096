#include "common/sqlite/structure.h"

#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/status_macros.h"
#include "common/core/migration.h"
#include "common/core/types.h"

namespace vecferry::sqlite {
namespace {

// How soon a walk over the pages can be given up.
constexpr absl::Duration kLook = absl::Milliseconds(20);

// Ends what runs on a connection once `stopping` says so: again and again, for an interrupt between two statements is
// forgotten.
class Interrupter {
 public:
  Interrupter(SnapshotConnection& connection, const std::function<bool()>& stopping)
      : thread_([this, &connection, &stopping] {
          while (!DoneWithin(kLook)) {
            if (stopping()) connection.Interrupt();
          }
        }) {}
  ~Interrupter() {
    {
      base::MutexLock lock(&mutex_);
      done_ = true;
    }
    thread_.join();
  }
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;

 private:
  bool DoneWithin(absl::Duration duration) {
    base::MutexLock lock(&mutex_);
    return mutex_.AwaitUntil(absl::Now() + duration, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return done_; });
  }

  base::Mutex mutex_;
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;  // last: it uses the others
};

// What a check of the pages found first; "" = nothing. quick_check goes on to rows that break NOT NULL or CHECK
// constraints: those are no damage, and only the pages' part begins with stars.
absl::StatusOr<std::string> FirstDamage(Database& database, const std::string& pragma) {
  ASSIGN_OR_RETURN(Statement check, database.Prepare(pragma));
  const absl::StatusOr<bool> row = check.Step();
  if (!row.ok()) {
    if (row.status().code() == absl::StatusCode::kDataLoss) return std::string(row.status().message());
    // Not to be checked (a collation or function of the application's own in an index) is not damaged.
    if (row.status().code() == absl::StatusCode::kInvalidArgument) return std::string();
    return row.status();
  }
  const core::ValueView found = check.Column(0);
  if (!*row || !absl::StartsWith(found.bytes, "***")) return std::string();
  return absl::StrReplaceAll(core::SanitizeText(found.bytes), {{"*** in database main *** ", ""}});
}

}  // namespace

absl::Status CheckStructure(Database& database, absl::string_view path) {
  ASSIGN_OR_RETURN(const std::string damage, FirstDamage(database, "PRAGMA quick_check(1)"));
  if (damage.empty()) return absl::OkStatus();
  std::string where;
  absl::StatusOr<Statement> tables =
      database.Prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY rowid");
  while (tables.ok() && where.empty()) {
    const absl::StatusOr<bool> row = tables->Step();
    if (!row.ok() || !*row) break;
    const std::string name(tables->Column(0).bytes);
    const auto of_table = FirstDamage(database, absl::StrCat("PRAGMA quick_check(", core::QuoteIdentifier(name), ")"));
    if (of_table.ok() && !of_table->empty()) where = absl::StrCat(" in table ", core::SanitizeText(name));
  }
  return absl::DataLossError(absl::StrCat(core::SanitizeText(path), " is damaged", where, ": ", damage,
                                          "; recover a copy (sqlite3 FILE .recover) and carry that"));
}

absl::Status CheckStructure(SnapshotConnection& connection, absl::string_view path,
                            const std::function<bool()>& stopping) {
  const Interrupter interrupter(connection, stopping);
  const absl::Status checked = CheckStructure(*connection.Take(), path);
  // A walk that is broken off may take what it did not see for damage.
  return stopping() ? absl::CancelledError("stopped while the store's pages were checked") : checked;
}

}  // namespace vecferry::sqlite
