#ifndef VECFERRY_COMMON_PROFILE_CONTENT_KEY_H_
#define VECFERRY_COMMON_PROFILE_CONTENT_KEY_H_

#include "absl/status/status.h"
#include "common/profile/draft.h"

namespace vecferry::profile {

// Gives a table without a key one that is made of its rows' content: (vecferry_rowhash, vecferry_occurrence). Rowids
// would not do: those of keyless tables change with VACUUM, and the same command could then carry every row twice.
absl::Status AddContentKey(Draft& draft, const sqlite::SourceTable& table, NameSet& names, DraftTable& destination,
                           core::Mapping& mapping);

// The same for the mapping of a stored plan: when its table has gained its first equal rows, its query becomes another.
absl::Status RenewContentKey(sqlite::Database& source, const sqlite::SourceTable& table, core::Mapping& mapping);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_CONTENT_KEY_H_
