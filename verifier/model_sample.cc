#include "verifier/model_sample.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/base/status_macros.h"
#include "verifier/vector_numbers.h"

namespace vecferry::verifier {
namespace {

constexpr std::size_t kRowsNamed = 20;

// Of the first numbers of both, as many as `stored` has; 0 where one has no direction.
double Cosine(const std::vector<float>& stored, const std::vector<float>& embedded) {
  double product = 0, stored_squares = 0, embedded_squares = 0;
  for (std::size_t i = 0; i < stored.size(); ++i) {
    product += static_cast<double>(stored[i]) * embedded[i];
    stored_squares += static_cast<double>(stored[i]) * stored[i];
    embedded_squares += static_cast<double>(embedded[i]) * embedded[i];
  }
  const double lengths = std::sqrt(stored_squares) * std::sqrt(embedded_squares);
  return lengths > 0 ? product / lengths : 0;
}

// Rounded down, so that what is too low never reads as enough.
std::string Shown(double cosine) { return absl::StrFormat("%.4f", std::floor(cosine * 1e4) / 1e4); }

struct Compared {
  std::vector<std::pair<double, const TextAndVector*>> rows;
  std::size_t dimension = 0;  // of the embedder's vectors
};

absl::StatusOr<Compared> Compare(const std::vector<const TextAndVector*>& rows, const ModelSampleOptions& options,
                                 Embedder& embedder) {
  std::vector<std::string> texts;
  for (const TextAndVector* row : rows) texts.push_back(absl::StrCat(options.prefix, row->text));
  ASSIGN_OR_RETURN(const std::vector<std::vector<float>> embedded, embedder.Embed(texts));
  Compared compared;
  std::vector<float> stored;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    RETURN_IF_ERROR(ReadVector(options.type, rows[i]->vector, stored));
    compared.dimension = embedded[i].size();
    if (compared.dimension < stored.size()) {
      return absl::InvalidArgumentError(absl::StrCat("model ", embedder.model(), " at ", embedder.address(),
                                                     " gives vectors of ", compared.dimension, " numbers, ",
                                                     options.table, ".", options.column, " holds ",
                                                     core::ToString(options.type), "; name the model that made them"));
    }
    compared.rows.emplace_back(Cosine(stored, embedded[i]), rows[i]);
  }
  return compared;
}

std::string Evidence(const Compared& compared, std::size_t left_out, const ModelSampleOptions& options,
                     const Embedder& embedder) {
  std::string evidence = absl::StrCat(compared.rows.size(), " texts embedded by ", embedder.model(), " at ",
                                      embedder.address(), " and compared with ", options.column);
  if (!options.prefix.empty()) absl::StrAppend(&evidence, "; each after \"", options.prefix, "\"");
  if (left_out > 0) absl::StrAppend(&evidence, "; ", left_out, " rows without a text left out");
  const auto stored = static_cast<std::size_t>(options.type.dimension);
  if (compared.dimension > stored) {
    absl::StrAppend(&evidence, "; the first ", stored, " of the model's ", compared.dimension,
                    " numbers, renormalised");
  }
  return evidence;
}

absl::Status TellRows(const Compared& compared, const ModelSampleOptions& options, const Embedder& embedder,
                      core::Findings& findings) {
  std::size_t told = 0;
  std::int64_t more = 0;
  for (const auto& [cosine, row] : compared.rows) {
    if (cosine >= options.cosine_min) continue;
    if (told++ >= kRowsNamed) {
      ++more;
      continue;
    }
    RETURN_IF_ERROR(findings.Tell(core::DifferenceReport{
        options.table, row->key, options.column, "signature",
        absl::StrCat("the stored vector and the one that ", embedder.model(), " makes of the text have cosine ",
                     Shown(cosine), ", at least ", options.cosine_min, " was expected")}));
  }
  if (more > 0) findings.CountMoreDifferences(more);
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckModelSample(const std::vector<TextAndVector>& sample, const ModelSampleOptions& options,
                              Embedder& embedder, core::Findings& findings) {
  core::CheckReport check{"model_sample", options.table, "skipped",
                          absl::StrCat("every cosine >= ", options.cosine_min)};
  std::vector<const TextAndVector*> rows;
  for (const TextAndVector& row : sample) {
    if (!absl::StripAsciiWhitespace(row.text).empty()) rows.push_back(&row);
  }
  if (rows.empty()) {
    check.actual = "not measured";
    check.evidence = absl::StrCat("there is no text with a vector in ", options.column);
    return findings.Tell(check);
  }
  ASSIGN_OR_RETURN(const Compared compared, Compare(rows, options, embedder));
  RETURN_IF_ERROR(TellRows(compared, options, embedder, findings));

  std::vector<double> cosines;
  for (const auto& row : compared.rows) cosines.push_back(row.first);
  std::sort(cosines.begin(), cosines.end());
  check.verdict = cosines.front() >= options.cosine_min ? "pass" : "fail";
  check.actual = absl::StrCat("median ", Shown(cosines[(cosines.size() - 1) / 2]), ", least ", Shown(cosines.front()));
  check.evidence = Evidence(compared, sample.size() - rows.size(), options, embedder);
  return findings.Tell(check);
}

}  // namespace vecferry::verifier
