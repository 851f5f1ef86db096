#ifndef VECFERRY_VERIFIER_READ_RULES_H_
#define VECFERRY_VERIFIER_READ_RULES_H_

#include <string>

#include "absl/strings/string_view.h"
#include "verifier/canonical.h"

// The rules of ReadValue, a function a type; values that are NULL have been taken out before.
namespace vecferry::verifier {

inline Reading Exact() { return {Reading::Result::kExact}; }
inline Reading Rounded() { return {Reading::Result::kRounded}; }
inline Reading Repaired(absl::string_view kind) { return {Reading::Result::kRepaired, kind}; }
inline Reading Unfit(absl::string_view kind) { return {Reading::Result::kUnfit, kind}; }
inline Reading WrongType() { return Unfit("wrong_type"); }

Reading ReadBool(const core::ValueView& value, std::string& out);
Reading ReadInteger(const core::ValueView& value, std::size_t bytes, std::string& out);
Reading ReadFloat8(const core::ValueView& value, std::string& out);
Reading ReadNumeric(const core::ValueView& value, std::string& out);
Reading ReadText(const core::ValueView& value, std::string& out);
Reading ReadBytea(const core::ValueView& value, std::string& out);
Reading ReadUuid(const core::ValueView& value, std::string& out);
Reading ReadTimestamptz(const core::ValueView& value, std::string& out);
Reading ReadJsonb(const core::ValueView& value, std::string& out);
Reading ReadUuidArray(const core::ValueView& value, std::string& out);
Reading ReadVector(const core::ValueView& value, int dimension, std::string& out);
Reading ReadHalfvec(const core::ValueView& value, int dimension, std::string& out);

}  // namespace vecferry::verifier

#endif  // VECFERRY_VERIFIER_READ_RULES_H_
