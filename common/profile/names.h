#ifndef VECFERRY_COMMON_PROFILE_NAMES_H_
#define VECFERRY_COMMON_PROFILE_NAMES_H_

#include <set>
#include <string>
#include <vector>

namespace vecferry::profile {

// Identifiers that Postgres takes: 1 to 63 bytes of valid UTF-8, no system column's name, unique in their set.
// A name that has to change keeps its beginning and ends in a hash of the whole, so that it is the same in every run.
class NameSet {
 public:
  // Returns `wanted`, or what it had to become, and takes it.
  std::string Add(const std::string& wanted);
  // Takes `name` as it is.
  void Take(const std::string& name) { taken_.insert(name); }
  bool Has(const std::string& name) const { return taken_.count(name) != 0; }

 private:
  std::set<std::string> taken_;
};

// "a_b_c": the parts of a derived name, such as table, columns and "key".
std::string JoinName(const std::string& table, const std::vector<std::string>& columns, const std::string& suffix);

// "a", "b": quoted, for column lists.
std::string ColumnList(const std::vector<std::string>& columns);

}  // namespace vecferry::profile

#endif  // VECFERRY_COMMON_PROFILE_NAMES_H_
