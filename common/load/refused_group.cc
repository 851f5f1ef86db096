#include "common/load/refused_group.h"

#include <algorithm>
#include <utility>

#include "common/base/status_macros.h"
#include "common/postgres/row_error.h"

namespace vecferry::load {
namespace {

// A refused row has a piece's other rows loaded twice at most; a piece that is fine costs a millisecond of statements.
constexpr std::size_t kPieceRows = 500;

// The places before which [begin, end) must be parted for that.
std::vector<std::size_t> EachByItself(const std::vector<std::size_t>& places, std::size_t begin, std::size_t end) {
  std::vector<std::size_t> parts;
  for (const std::size_t place : places) {
    if (place > begin && (parts.empty() || parts.back() != place)) parts.push_back(place);
    if (place + 1 < end) parts.push_back(place + 1);
  }
  return parts;
}

}  // namespace

absl::Status RefusedGroup::Carry(absl::Span<const absl::string_view> tuples) {
  tuples_ = tuples;
  if (!loader_.merges()) return CarryAll(Step::kCopy, 0, tuples.size());
  RETURN_IF_ERROR(loader_.EmptyStage());
  RETURN_IF_ERROR(CarryAll(Step::kCopy, 0, tuples.size()));
  return CarryStaged(tuples.size());
}

absl::Status RefusedGroup::CarryStaged(std::size_t tuples) {
  // A foreign key speaks when all rows are in: where one did before, that would be for nothing.
  ASSIGN_OR_RETURN(std::vector<std::size_t> orphans, loader_.FindExpectedOrphans(0, tuples));
  if (orphans.empty()) {
    std::vector<std::size_t> parts;
    RETURN_IF_ERROR(CarryRange(Step::kMerge, 0, tuples, parts));
    if (parts.empty()) return absl::OkStatus();
    ASSIGN_OR_RETURN(orphans, loader_.FindExpectedOrphans(0, tuples));
  }
  RETURN_IF_ERROR(loader_.StartMerging());
  if (orphans.empty()) return CarryAll(Step::kMerge, 0, tuples);
  return CarryParts(EachByItself(orphans, 0, tuples), tuples);
}

absl::Status RefusedGroup::CarryParts(const std::vector<std::size_t>& parts, std::size_t end) {
  std::vector<std::size_t> finer;
  std::size_t begin = 0;
  for (std::size_t i = 0; i <= parts.size(); ++i) {
    const std::size_t part_end = i < parts.size() ? parts[i] : end;
    finer.clear();
    RETURN_IF_ERROR(CarryRange(Step::kMerge, begin, part_end, finer));
    if (!finer.empty()) RETURN_IF_ERROR(CarryAll(Step::kMerge, begin, part_end));
    begin = part_end;
  }
  return absl::OkStatus();
}

absl::Status RefusedGroup::CarryAll(Step step, std::size_t begin, std::size_t end) {
  for (; begin < end; begin += kPieceRows) {
    RETURN_IF_ERROR(CarryPiece(step, begin, std::min(begin + kPieceRows, end)));
  }
  return absl::OkStatus();
}

absl::Status RefusedGroup::CarryPiece(Step step, std::size_t begin, std::size_t end) {
  // Ranges still to be carried; the last one comes first.
  std::vector<std::pair<std::size_t, std::size_t>> ranges = {{begin, end}};
  std::vector<std::size_t> parts;
  while (!ranges.empty()) {
    const auto [first, last] = ranges.back();
    ranges.pop_back();
    parts.clear();
    RETURN_IF_ERROR(CarryRange(step, first, last, parts));
    if (parts.empty()) continue;
    std::size_t range_end = last;
    for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
      ranges.emplace_back(*part, range_end);
      range_end = *part;
    }
    ranges.emplace_back(first, range_end);
  }
  return absl::OkStatus();
}

absl::Status RefusedGroup::CarryRange(Step step, std::size_t begin, std::size_t end, std::vector<std::size_t>& parts) {
  absl::StatusOr<LoadOutcome> outcome;
  for (bool again = true; again;) {
    RETURN_IF_ERROR(session_.ExecuteScript("SAVEPOINT piece"));
    outcome = Load(step, begin, end);
    if (outcome.ok() && !outcome->ambiguous) {
      RETURN_IF_ERROR(session_.ExecuteScript("RELEASE SAVEPOINT piece"));
      return on_loaded_(*outcome);
    }
    if (!outcome.ok() && !postgres::IsRowError(outcome.status())) return outcome.status();
    RETURN_IF_ERROR(session_.ExecuteScript("ROLLBACK TO SAVEPOINT piece; RELEASE SAVEPOINT piece"));
    ASSIGN_OR_RETURN(again, SetAside(begin, end, outcome.status()));
    if (again && end - begin == 1) return absl::OkStatus();
  }
  if (end - begin == 1) return on_refused_(begin, outcome.status());
  std::vector<std::size_t> suspects;
  if (!outcome.ok()) {
    ASSIGN_OR_RETURN(suspects, FindSuspects(step, outcome.status(), begin, end));
  }
  parts = EachByItself(suspects, begin, end);
  if (parts.empty()) parts.push_back(begin + (end - begin) / 2);
  return absl::OkStatus();
}

absl::StatusOr<bool> RefusedGroup::SetAside(std::size_t begin, std::size_t end, const absl::Status& why) {
  if (!loader_.Waits(why)) return false;
  ASSIGN_OR_RETURN(const std::vector<std::size_t> waiting, loader_.TakeWaiting(begin, end));
  for (const std::size_t place : waiting) on_waiting_(place);
  return !waiting.empty();
}

absl::StatusOr<LoadOutcome> RefusedGroup::Load(Step step, std::size_t begin, std::size_t end) {
  return step == Step::kCopy ? Copy(begin, end) : loader_.Merge(begin, end);
}

absl::StatusOr<LoadOutcome> RefusedGroup::Copy(std::size_t begin, std::size_t end) {
  RETURN_IF_ERROR(loader_.Begin(begin));
  for (std::size_t place = begin; place < end;) {
    // Neighbours in a batch's bytes go out together.
    absl::string_view run = tuples_[place];
    for (++place; place < end && tuples_[place].data() == run.data() + run.size(); ++place) {
      run = absl::string_view(run.data(), run.size() + tuples_[place].size());
    }
    RETURN_IF_ERROR(loader_.Put(run));
  }
  return loader_.EndCopy(static_cast<std::int64_t>(end - begin));
}

absl::StatusOr<std::vector<std::size_t>> RefusedGroup::FindSuspects(Step step, const absl::Status& why,
                                                                    std::size_t begin, std::size_t end) {
  const std::optional<postgres::SqlError> error = postgres::GetSqlError(why);
  if (step == Step::kCopy) {
    const auto line = static_cast<std::size_t>(error->copy_line);
    if (line == 0 || line > end - begin) return std::vector<std::size_t>();
    return std::vector<std::size_t>{begin + line - 1};
  }
  ASSIGN_OR_RETURN(const std::optional<std::size_t> place, loader_.FailedPlace(end));
  if (place) return std::vector<std::size_t>{*place};
  // At the last row, something may have spoken that does so when all rows are in.
  return loader_.FindOrphansOf(*error, begin, end);
}

}  // namespace vecferry::load
