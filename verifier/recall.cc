#include "verifier/recall.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "verifier/exact_scan.h"
#include "verifier/searches.h"
#include "verifier/vector_numbers.h"

namespace vecferry::verifier {
namespace {

// Answers that are right, of those that were to be found.
struct Share {
  std::int64_t right = 0, wanted = 0;
  double value() const { return wanted == 0 ? -1 : static_cast<double>(right) / static_cast<double>(wanted); }
};

struct Measured {
  int k = 0;
  Share exact, index;
  core::LatencyReport by_index, without_index;
  std::string sql, effort;
  std::string why_no_index;  // "" = measured
};

// A uniform sample of a stream whose length is not known. The same stream and seed give the same sample.
class Reservoir {
 public:
  Reservoir(int size, std::uint64_t seed) : size_(std::max(size, 0)), random_(seed) {}

  void Add(const std::vector<float>& vector) {
    ++seen_;
    if (sample_.size() < static_cast<std::size_t>(size_)) {
      sample_.push_back(vector);
    } else if (const std::uint64_t place = random_() % seen_; place < sample_.size()) {
      sample_[place] = vector;
    }
  }

  std::vector<std::vector<float>> Take() { return std::move(sample_); }

 private:
  const int size_;
  std::mt19937_64 random_;
  std::uint64_t seen_ = 0;
  std::vector<std::vector<float>> sample_;
};

// Runs `body` where it changes nothing: in a transaction of its own that reads, or within the caller's, whose settings
// are as before at the end.
template <typename Body>
absl::Status RunReadOnly(postgres::Connection& connection, Body body) {
  const bool within = connection.in_transaction();
  RETURN_IF_ERROR(connection.ExecuteScript(within ? "SAVEPOINT vecferry_recall"
                                                  : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"));
  absl::Status status = body();
  status.Update(connection.ExecuteScript(
      within ? "ROLLBACK TO SAVEPOINT vecferry_recall; RELEASE SAVEPOINT vecferry_recall" : "ROLLBACK"));
  return status;
}

absl::Span<const double> First(const std::vector<double>& distances, int k) {
  return absl::MakeConstSpan(distances).first(std::min(distances.size(), static_cast<std::size_t>(k)));
}

class RecallOfTarget {
 public:
  RecallOfTarget(const RecallTarget& target, const RecallOptions& options, Metric metric, const ForEachVector& source,
                 postgres::Connection& destination, core::Findings& findings)
      : target_(target),
        options_(options),
        metric_(metric),
        source_(source),
        destination_(destination),
        findings_(findings),
        ks_(options.ks) {
    std::sort(ks_.begin(), ks_.end());
    ks_.erase(std::unique(ks_.begin(), ks_.end()), ks_.end());
  }

  absl::Status Run() {
    RETURN_IF_ERROR(Sample());
    if (queries_.empty()) {
      return TellNotMeasured(vectors_ == 0 ? "the source has no vectors" : "there is no vector to ask for");
    }
    RETURN_IF_ERROR(ScanSource());
    std::vector<Measured> all;
    RETURN_IF_ERROR(RunReadOnly(destination_, [&] { return Measure(all); }));
    for (const Measured& measured : all) RETURN_IF_ERROR(Tell(measured));
    return absl::OkStatus();
  }

 private:
  template <typename Use>
  absl::Status ForEachSourceVector(Use use) {
    std::vector<float> numbers;
    return source_([&](absl::string_view canonical) -> absl::Status {
      RETURN_IF_ERROR(ReadVector(target_.type, canonical, numbers));
      use(numbers);
      return absl::OkStatus();
    });
  }

  // The vectors to ask for.
  absl::Status Sample() {
    Reservoir reservoir(options_.queries, options_.seed);
    RETURN_IF_ERROR(ForEachSourceVector([&](const std::vector<float>& vector) {
      ++vectors_;
      if (HasDistances(metric_, vector)) reservoir.Add(vector);
    }));
    if (vectors_ == 0) return absl::OkStatus();
    queries_ = reservoir.Take();
    sampled_ = queries_.size();
    for (std::vector<float> query : options_.own_queries) {
      const bool fits = query.size() == static_cast<std::size_t>(target_.type.dimension) &&
                        RoundToType(target_.type, query) && HasDistances(metric_, query);
      if (fits) queries_.push_back(std::move(query));
    }
    return absl::OkStatus();
  }

  absl::Status ScanSource() {
    scan_.emplace(metric_, target_.type.dimension, ks_.back(), queries_);
    RETURN_IF_ERROR(ForEachSourceVector([&](const std::vector<float>& vector) { scan_->Add(vector); }));
    truth_ = scan_->Finish();
    for (std::vector<double>& distances : truth_) {
      std::erase_if(distances, [](double distance) { return !std::isfinite(distance); });
    }
    return absl::OkStatus();
  }

  absl::Status Measure(std::vector<Measured>& all) {
    Searches searches(target_, metric_, queries_, destination_);
    // Every row is looked at whatever k is: one pass answers for all.
    ASSIGN_OR_RETURN(const Answers exact, searches.WithoutIndex(ks_.back()));
    std::string why_no_index = "there is no index";
    if (!target_.index.empty()) {
      ASSIGN_OR_RETURN(why_no_index, searches.WhyNotByIndex(ks_.back()));
    }
    for (const int k : ks_) {
      Measured measured{k, CountShare(k, truth_, exact.distances)};
      measured.without_index = exact.latency;
      measured.sql = searches.Sql(k);
      measured.why_no_index = why_no_index;
      if (why_no_index.empty()) {
        ASSIGN_OR_RETURN(const Answers found, searches.ByIndex(k));
        measured.index = CountShare(k, exact.distances, found.distances);
        measured.by_index = found.latency;
        measured.effort = searches.effort();
        if (measured.index.wanted == 0) measured.why_no_index = "the destination has no vectors";
      }
      all.push_back(std::move(measured));
    }
    return absl::OkStatus();
  }

  Share CountShare(int k, const std::vector<std::vector<double>>& truth,
                   const std::vector<std::vector<double>>& answers) const {
    Share share;
    for (std::size_t query = 0; query < truth.size(); ++query) {
      const absl::Span<const double> wanted = First(truth[query], k);
      share.wanted += static_cast<std::int64_t>(wanted.size());
      // Where there are fewer vectors than k, no more answers count: one that is too near takes the place of a true
      // one.
      const absl::Span<const double> given = First(answers[query], static_cast<int>(wanted.size()));
      share.right += CountRight(wanted, given, [&](double distance) { return scan_->Tolerance(query, distance); });
    }
    return share;
  }

  absl::Status Tell(const Measured& measured) {
    core::RecallReport report{target_.table, target_.column, target_.model, target_.slice, target_.metric};
    report.k = measured.k;
    report.queries = static_cast<int>(queries_.size());
    report.exact = measured.exact.value();
    report.index = measured.why_no_index.empty() ? measured.index.value() : -1;
    report.without_index = measured.without_index;
    if (measured.why_no_index.empty()) report.by_index = measured.by_index;
    RETURN_IF_ERROR(findings_.Tell(report));
    RETURN_IF_ERROR(TellShare("recall_exact", measured.k, measured.exact, options_.exact_min,
                              absl::StrCat(Asked(),
                                           "; at the source every vector compared; at the destination "
                                           "without index: ",
                                           measured.sql)));
    if (target_.index.empty()) return absl::OkStatus();  // none is wanted
    if (!measured.why_no_index.empty()) {
      return TellSkipped("recall_index", measured.k, options_.index_min,
                         absl::StrCat(measured.why_no_index, "; ", Which()));
    }
    const std::string effort = measured.effort.empty() ? "" : absl::StrCat(" at ", measured.effort);
    return TellShare("recall_index", measured.k, measured.index, options_.index_min,
                     absl::StrCat(Asked(), "; by index ", target_.index, effort,
                                  " against the destination without "
                                  "index: ",
                                  measured.sql));
  }

  absl::Status TellShare(absl::string_view name, int k, const Share& share, double least, std::string evidence) {
    // Rounded down, so that nothing but all is told as 1.
    const std::int64_t parts = share.wanted == 0 ? 10000 : share.right * 10000 / share.wanted;
    core::CheckReport check{absl::StrCat(name, "@", k),
                            target_.table,
                            "pass",
                            absl::StrCat(">= ", least),
                            absl::StrFormat("%d.%04d", parts / 10000, parts % 10000),
                            std::move(evidence)};
    if (share.wanted > 0 && share.value() < least) {
      check.verdict = "fail";
      RETURN_IF_ERROR(findings_.Tell(core::DifferenceReport{
          target_.table, "", target_.column, "recall",
          absl::StrCat(check.name, " of ", Which(), " is ", check.actual, ", ", check.expected, " was expected: ",
                       share.wanted - share.right, " of ", share.wanted, " answers are wrong or missing")}));
    }
    return findings_.Tell(check);
  }

  absl::Status TellSkipped(absl::string_view name, int k, double least, std::string why) {
    return findings_.Tell(core::CheckReport{absl::StrCat(name, "@", k), target_.table, "skipped",
                                            absl::StrCat(">= ", least), "not measured", std::move(why)});
  }

  absl::Status TellNotMeasured(absl::string_view why) {
    for (const int k : ks_) {
      const std::string evidence = absl::StrCat(why, "; ", Which());
      RETURN_IF_ERROR(TellSkipped("recall_exact", k, options_.exact_min, evidence));
      if (target_.index.empty()) continue;
      RETURN_IF_ERROR(TellSkipped("recall_index", k, options_.index_min, evidence));
    }
    return absl::OkStatus();
  }

  // "embedding, model = a"
  std::string Which() const {
    return target_.slice.empty() ? target_.column : absl::StrCat(target_.column, ", ", target_.slice);
  }

  std::string Asked() const {
    const std::size_t own = queries_.size() - sampled_;
    return absl::StrCat(sampled_, " of ", vectors_, " vectors (seed ", options_.seed, ")",
                        own == 0 ? "" : absl::StrCat(" and ", own, " of the given queries"), " asked for in ", Which(),
                        " by ", target_.metric);
  }

  const RecallTarget& target_;
  const RecallOptions& options_;
  const Metric metric_;
  const ForEachVector& source_;
  postgres::Connection& destination_;
  core::Findings& findings_;
  std::vector<int> ks_;
  std::int64_t vectors_ = 0;                 // of the source
  std::vector<std::vector<float>> queries_;  // the sampled ones first
  std::size_t sampled_ = 0;
  std::optional<ExactScan> scan_;
  std::vector<std::vector<double>> truth_;
};

}  // namespace

absl::Status MeasureRecall(const RecallTarget& target, const RecallOptions& options, const ForEachVector& source,
                           postgres::Connection& destination, core::Findings& findings) {
  ASSIGN_OR_RETURN(const Metric metric, ParseMetric(target.metric));
  const bool asks =
      !options.ks.empty() && std::all_of(options.ks.begin(), options.ks.end(), [](int k) { return k > 0; });
  const bool vectors = target.type.kind == core::PgKind::kVector || target.type.kind == core::PgKind::kHalfvec;
  if (!asks || !vectors || target.type.dimension < 1) {
    return absl::InvalidArgumentError(absl::StrCat("recall of ", target.table, ".", target.column,
                                                   " needs numbers of answers above 0 and a vector type with a "
                                                   "dimension, not ",
                                                   core::ToString(target.type)));
  }
  return RecallOfTarget(target, options, metric, source, destination, findings).Run();
}

}  // namespace vecferry::verifier
