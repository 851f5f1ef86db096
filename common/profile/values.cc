#include "common/profile/values.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/status_macros.h"
#include "common/convert/convert.h"
#include "common/core/value.h"
#include "common/profile/generic.h"

namespace vecferry::profile {
namespace {

using core::PgKind;
using core::StorageClass;
using core::ValueView;

constexpr std::size_t kDimensionsMax = 64;  // distinct ones kept; more than one already means "several"

StorageClass ParseClass(absl::string_view name) {
  if (name == "integer") return StorageClass::kInteger;
  if (name == "real") return StorageClass::kReal;
  if (name == "text") return StorageClass::kText;
  if (name == "blob") return StorageClass::kBlob;
  return StorageClass::kNull;
}

// A value of this class needs no conversion to be known to fit.
bool IsNatural(StorageClass storage, PgKind kind) {
  return (storage == StorageClass::kInteger && kind == PgKind::kInt8) ||
         (storage == StorageClass::kReal && kind == PgKind::kFloat8) ||
         (storage == StorageClass::kText && kind == PgKind::kText) ||
         (storage == StorageClass::kBlob && kind == PgKind::kBytea);
}

std::vector<std::string> Expressions(const Question& question) {
  const std::string column = core::QuoteIdentifier(question.column);
  switch (question.look) {
    case Look::kStorage: return {absl::StrCat("typeof(", column, ")")};
    case Look::kValue: return {column};
    case Look::kVector:
      // length() of a blob reads no more than the record's header.
      return {absl::StrCat("typeof(", column, ")"), absl::StrCat("CASE typeof(", column, ") WHEN 'blob' THEN length(",
                                                                 column, ") WHEN 'text' THEN ", column, " END")};
  }
  return {};
}

void Count(StorageClass storage, ValueFacts& facts) {
  ++facts.classes[static_cast<std::size_t>(storage)];
  ++(storage == StorageClass::kNull ? facts.nulls : facts.values);
}

// At the destination: a byte that is no UTF-8 becomes three.
std::size_t BytesAsText(const ValueView& value, std::string& scratch) {
  if (value.storage != StorageClass::kText || 3 * value.bytes.size() <= kIndexedBytesMax) return value.bytes.size();
  scratch.clear();
  convert::ToText(value, scratch);
  return std::max(value.bytes.size(), scratch.size());
}

void LookAtValue(const ValueView& value, const core::PgType& candidate, std::string& scratch, ValueFacts& facts) {
  Count(value.storage, facts);
  facts.bytes_longest = std::max<std::int64_t>(facts.bytes_longest, BytesAsText(value, scratch));
  if (value.is_null() || IsNatural(value.storage, candidate.kind) || !facts.fits) return;
  scratch.clear();
  const convert::Outcome outcome = convert::Convert(value, candidate, scratch);
  facts.fits = outcome.fidelity == convert::Fidelity::kExact || outcome.fidelity == convert::Fidelity::kRounded;
}

// `measure`: the length of a blob, the content of a text.
void LookAtVector(StorageClass storage, const ValueView& measure, PgKind candidate, std::string& scratch,
                  ValueFacts& facts) {
  Count(storage, facts);
  const std::int64_t bytes = storage == StorageClass::kBlob ? measure.integer : measure.bytes.size();
  facts.bytes_longest = std::max(facts.bytes_longest, bytes);
  if (storage == StorageClass::kText && candidate == PgKind::kJsonb) {
    scratch.clear();
    facts.fits = facts.fits && convert::ToJsonb(measure, scratch).fidelity == convert::Fidelity::kExact;
  } else if (storage != StorageClass::kNull && !IsNatural(storage, candidate)) {
    facts.fits = false;
  }
  std::int64_t dimension = 0;
  if (storage == StorageClass::kBlob && measure.integer % 4 == 0) {
    dimension = measure.integer / 4;
  } else if (storage == StorageClass::kText) {
    scratch.clear();
    const convert::Outcome outcome = convert::ToVector(measure, 0, scratch);
    const bool good = outcome.fidelity == convert::Fidelity::kExact || outcome.fidelity == convert::Fidelity::kRounded;
    // vector_recv's form: two 16-bit words, then the components.
    if (good && scratch.size() > 4) dimension = static_cast<std::int64_t>(scratch.size() - 4) / 4;
  }
  if (dimension == 0) return;
  ++facts.vectors;
  if (facts.dimensions.size() < kDimensionsMax || facts.dimensions.count(dimension) != 0) {
    ++facts.dimensions[dimension];
  }
}

// Text embeddings lie within a few units; a reading of other bytes as floats is spread over all exponents.
bool IsPlausible(absl::string_view blob) {
  std::size_t ordinary = 0;
  const std::size_t count = blob.size() / 4;
  for (std::size_t i = 0; i < count; ++i) {
    float component = 0;
    std::memcpy(&component, blob.data() + 4 * i, 4);  // little-endian, as every machine that we build for
    if (!std::isfinite(component)) return false;
    const float size = std::fabs(component);
    if (size == 0 || (size >= 1e-12F && size <= 1e6F)) ++ordinary;
  }
  return ordinary * 10 >= count * 9;
}

}  // namespace

absl::StatusOr<std::vector<ValueFacts>> ScanValues(sqlite::Database& source, const std::string& table,
                                                   const std::vector<Question>& questions) {
  std::vector<ValueFacts> facts(questions.size());
  if (questions.empty()) return facts;
  std::vector<std::string> expressions;
  for (const Question& question : questions) {
    for (std::string& expression : Expressions(question)) expressions.push_back(std::move(expression));
  }
  ASSIGN_OR_RETURN(sqlite::Statement rows, source.Prepare(absl::StrCat("SELECT ", absl::StrJoin(expressions, ", "),
                                                                       " FROM ", core::QuoteIdentifier(table))));
  std::string scratch;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) return facts;
    int at = 0;
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const Question& question = questions[i];
      if (question.look == Look::kValue) {
        LookAtValue(rows.Column(at++), question.candidate, scratch, facts[i]);
        continue;
      }
      const StorageClass storage = ParseClass(rows.Column(at++).bytes);
      if (question.look == Look::kVector) {
        LookAtVector(storage, rows.Column(at++), question.candidate.kind, scratch, facts[i]);
      } else {
        Count(storage, facts[i]);
        if (storage != StorageClass::kNull && !IsNatural(storage, question.candidate.kind)) facts[i].fits = false;
      }
    }
  }
}

absl::StatusOr<bool> LooksLikeFloats(sqlite::Database& source, const std::string& table, const std::string& column) {
  const std::string quoted = core::QuoteIdentifier(column);
  // 64 vectors of any usual model hold over 10,000 numbers: enough to tell.
  ASSIGN_OR_RETURN(sqlite::Statement rows,
                   source.Prepare(absl::StrCat("SELECT ", quoted, " FROM ", core::QuoteIdentifier(table),
                                               " WHERE typeof(", quoted, ") = 'blob' AND length(", quoted,
                                               ") > 0 AND length(", quoted, ") % 4 = 0 LIMIT 64")));
  int sampled = 0, plausible = 0;
  while (true) {
    ASSIGN_OR_RETURN(const bool row, rows.Step());
    if (!row) break;
    ++sampled;
    plausible += IsPlausible(rows.Column(0).bytes) ? 1 : 0;
  }
  return sampled > 0 && plausible * 4 >= sampled * 3;
}

}  // namespace vecferry::profile
