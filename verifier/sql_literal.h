#ifndef VECFERRY_VERIFIER_SQL_LITERAL_H_
#define VECFERRY_VERIFIER_SQL_LITERAL_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "common/core/types.h"

namespace vecferry::verifier {

// A canonical value (canonical.h) as a literal of its type; nullopt = NULL.
std::string SqlLiteral(const core::PgType& type, const std::optional<absl::string_view>& value,
                       absl::string_view extension_schema);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_SQL_LITERAL_H_
