#ifndef VECFERRY_COMMON_PROFILE_GENERIC_H_
#define VECFERRY_COMMON_PROFILE_GENERIC_H_

#include <vector>

#include "absl/status/status.h"
#include "common/profile/columns.h"
#include "common/profile/draft.h"

namespace vecferry::profile {

// The generic profile: every ordinary table to a table of the same name.
absl::Status DraftGeneric(Draft& draft, const std::vector<const sqlite::SourceTable*>& tables, const SaidVectors& said);

// One table by the generic rules.
absl::Status DraftGenericTable(Draft& draft, const sqlite::SourceTable& table, const SaidVectors& said,
                               const IdRule& id_rule);

// For a stored plan: where the source has come to in numbering its rows.
absl::Status RenewSequences(sqlite::Database& source, const sqlite::SourceSchema& schema, core::Plan& plan);

// Turns the declared foreign keys of the carried tables into those of the destination, once all tables are drafted.
void DraftForeignKeys(Draft& draft, const std::vector<const sqlite::SourceTable*>& tables);

// Keys and indexes of `table`, whose columns are `designs`. `mapping.conflict_key` must be decided.
void DraftKeysAndIndexes(Draft& draft, const sqlite::SourceTable& table, const std::vector<ColumnDesign>& designs,
                         DraftTable& destination, const core::Mapping& mapping);

// Whether something keeps these columns of `parent` unique, so that a foreign key may refer to them.
bool IsReferable(Draft& draft, const DraftTable& parent, const std::vector<std::string>& columns);

// An index entry ends at 2,704 bytes (a third of a page); compression only helps some values.
inline constexpr std::int64_t kIndexedBytesMax = 2600;

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_GENERIC_H_
