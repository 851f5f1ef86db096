#ifndef VECFERRY_COMMON_SQLITE_RANGE_QUERY_H_
#define VECFERRY_COMMON_SQLITE_RANGE_QUERY_H_

#include <string>
#include <vector>

#include "common/core/plan.h"

namespace vecferry::sqlite {

// One expression of a source key.
struct KeyPart {
  std::string expression;
  bool descending = false;
};
std::vector<KeyPart> KeyParts(const core::SourceKey& key);

// "a, b": the key's expressions as a SELECT list.
std::string KeyList(const std::vector<KeyPart>& parts);
// " ORDER BY a, b DESC".
std::string KeyOrder(const std::vector<KeyPart>& parts);
// "a = ?1 AND b = ?2".
std::string KeyEquals(const std::vector<KeyPart>& parts);

}  // namespace vecferry::sqlite

#endif  // VECFERRY_COMMON_SQLITE_RANGE_QUERY_H_
