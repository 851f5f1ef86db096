#ifndef VECFERRY_COMMON_LOAD_REFUSED_GROUP_H_
#define VECFERRY_COMMON_LOAD_REFUSED_GROUP_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "common/load/loader.h"
#include "common/postgres/connection.h"

namespace vecferry::load {

// Carries a commit group of which Postgres may refuse rows: loads its tuples in pieces of a bounded number of rows,
// each under a savepoint, until each tuple is carried, or waits for a parent that comes later, or is refused when it is
// loaded by itself. Not thread-safe. What it is made with must outlive it.
class RefusedGroup {
 public:
  using OnLoaded = absl::FunctionRef<absl::Status(const LoadOutcome& outcome)>;
  using OnRefused = absl::FunctionRef<absl::Status(std::size_t place, const absl::Status& why)>;
  using OnWaiting = absl::FunctionRef<void(std::size_t place)>;

  RefusedGroup(postgres::Connection& session, Loader& loader, OnLoaded on_loaded, OnRefused on_refused,
               OnWaiting on_waiting)
      : session_(session), loader_(loader), on_loaded_(on_loaded), on_refused_(on_refused), on_waiting_(on_waiting) {}

  // In a transaction that has done nothing yet. Errors: those of the callbacks; what Postgres says but about rows.
  absl::Status Carry(absl::Span<const absl::string_view> tuples);
  // Of a group whose tuples, so many, are all in the stage: first all of them at once.
  absl::Status CarryStaged(std::size_t tuples);

 private:
  enum class Step { kCopy, kMerge };

  absl::Status CarryAll(Step step, std::size_t begin, std::size_t end);
  absl::Status CarryPiece(Step step, std::size_t begin, std::size_t end);
  // Of the stage: what lies between two of `parts` in one go, or in pieces where that is refused.
  absl::Status CarryParts(const std::vector<std::size_t>& parts, std::size_t end);
  // Carries tuples [begin, end), or names in `parts` the places before which they must be parted; a single one is
  // refused or waits instead.
  absl::Status CarryRange(Step step, std::size_t begin, std::size_t end, std::vector<std::size_t>& parts);
  absl::StatusOr<LoadOutcome> Load(Step step, std::size_t begin, std::size_t end);
  absl::StatusOr<LoadOutcome> Copy(std::size_t begin, std::size_t end);
  // Whether some of a refused range were set aside because they wait: the others are to be tried again.
  absl::StatusOr<bool> SetAside(std::size_t begin, std::size_t end, const absl::Status& why);
  // Places that Postgres names, or that can be looked up; empty = unknown. They are only where to part: a tuple is
  // refused by its own failure alone.
  absl::StatusOr<std::vector<std::size_t>> FindSuspects(Step step, const absl::Status& why, std::size_t begin,
                                                        std::size_t end);

  postgres::Connection& session_;
  Loader& loader_;
  absl::Span<const absl::string_view> tuples_;  // kCopy
  const OnLoaded on_loaded_;
  const OnRefused on_refused_;
  const OnWaiting on_waiting_;
};

}  // namespace vecferry::load

#endif  // VECFERRY_COMMON_LOAD_REFUSED_GROUP_H_
