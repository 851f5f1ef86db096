#ifndef VECFERRY_COORDINATOR_COPIED_SOURCES_H_
#define VECFERRY_COORDINATOR_COPIED_SOURCES_H_

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "coordinator/source_service.h"
#include "coordinator/sources.h"

namespace vecferry::coordinator {

// Sources for workers in other processes: each is a copy in a scratch folder (common/sqlite/kept_copy.h), which stays
// there when this process ends. What it makes may outlive it. Thread-safe.
class CopiedSources : public Sources {
 public:
  // For SourceService: a copy that is in use, or one that lies there for a migration which this process, restarted, has
  // not come to yet. kNotFound; kDataLoss: it is not as it was made.
  virtual absl::StatusOr<SentCopy> Find(const std::string& snapshot) = 0;
  // Copies that are open here.
  virtual std::vector<std::string> InUse() = 0;
  // Removes discarded copies that a worker beside this process held until now. To be called now and then.
  virtual void RemoveDiscarded() = 0;
  // To be called now and then with the copies that unfinished migrations read. Removes those in the folder that at this
  // call and at the one before were neither named nor held: a plan may have been stored since `snapshots` was read.
  virtual void KeepOnly(const std::set<std::string>& snapshots) = 0;
};

// "" = $TMPDIR, else /tmp.
std::shared_ptr<CopiedSources> MakeCopiedSources(std::string scratch_dir);

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_COPIED_SOURCES_H_
