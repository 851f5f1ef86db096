#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "common/profile/draft.h"

namespace vecferry::profile {
namespace {

using ForeignKeys = std::vector<postgres::CatalogForeignKey>;

// An existing table has keys of its own; a table that the migration makes gets the draft's.
ForeignKeys ForeignKeysOf(const Draft& draft, const DraftTable& table) {
  if (const postgres::CatalogTable* existing = draft.Existing(table.name)) return existing->foreign_keys;
  ForeignKeys keys;
  for (const DraftForeignKey& key : table.foreign_keys) keys.push_back({"", key.parent_table});
  return keys;
}

// Existing tables whose rows may all come before those that refer to them: none refers to itself, takes part in a
// cycle, or refers to one that does.
std::set<std::string> TablesInOrder(const Draft& draft, const std::set<std::string>& existing) {
  std::set<std::string> in_order;
  for (bool grown = true; grown;) {
    grown = false;
    for (const std::string& table : existing) {
      if (in_order.contains(table)) continue;
      const ForeignKeys& keys = draft.Existing(table)->foreign_keys;
      const bool ready = std::all_of(keys.begin(), keys.end(), [&](const postgres::CatalogForeignKey& key) {
        return !existing.contains(key.parent_table) || in_order.contains(key.parent_table);
      });
      if (ready) grown = in_order.insert(table).second;
    }
  }
  return in_order;
}

}  // namespace

void SetParents(Draft& draft) {
  std::set<std::string> existing;
  for (const core::Mapping& mapping : draft.plan.mappings) {
    if (mapping.mode == core::LoadMode::kMerge) existing.insert(mapping.destination_table);
  }
  const std::set<std::string> in_order = TablesInOrder(draft, existing);
  for (core::Mapping& mapping : draft.plan.mappings) {
    std::set<int> parents;
    for (const postgres::CatalogForeignKey& key : ForeignKeysOf(draft, *draft.FindTable(mapping.destination_table))) {
      for (const core::Mapping& other : draft.plan.mappings) {
        if (other.destination_table == key.parent_table && other.id != mapping.id) parents.insert(other.id);
      }
      if (existing.contains(mapping.destination_table) && existing.contains(key.parent_table) &&
          !in_order.contains(key.parent_table)) {
        mapping.waiting_keys.push_back(key.name);
      }
    }
    mapping.parents.assign(parents.begin(), parents.end());
  }
}

}  // namespace vecferry::profile
