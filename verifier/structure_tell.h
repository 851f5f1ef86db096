#ifndef VECFERRY_VERIFIER_STRUCTURE_TELL_H_
#define VECFERRY_VERIFIER_STRUCTURE_TELL_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/core/findings.h"
#include "verifier/structure_compare.h"

namespace vecferry::verifier {

// Tells differences and their check, which expects `planned`. Tells nothing when nothing was compared.
absl::Status TellComparison(core::Findings& findings, absl::string_view check, const std::string& table,
                            const Comparison& comparison, std::string planned, std::string evidence);

// "foreign keys: 3".
std::string Count(absl::string_view noun, const Comparison& comparison);

// As text for a report: one line of a bounded length.
std::string Shorten(absl::string_view text);

// What a person looks at to see the same.
std::string ColumnsEvidence(const std::string& qualified_table);
std::string ConstraintsEvidence(const std::string& qualified_table, absl::string_view types);
std::string IndexesEvidence(const std::string& qualified_table, absl::string_view where);
std::string TriggersEvidence(const std::string& qualified_table);
std::string RowSecurityEvidence(const std::string& qualified_table);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_STRUCTURE_TELL_H_
