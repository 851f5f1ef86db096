#include "coordinator/sources.h"

namespace vecferry::coordinator {
namespace {

class HeldSource : public Source {
 public:
  HeldSource(sqlite::Snapshot& snapshot, int connection) : snapshot_(snapshot), connection_(connection) {}
  const std::string& snapshot() const override { return no_copy_; }
  const std::string& fingerprint() const override { return snapshot_.fingerprint(); }
  sqlite::SnapshotConnection& connection() override { return snapshot_.connection(connection_); }
  absl::Status CheckWhole(const Stopping&) override { return absl::OkStatus(); }  // it has no seal

 private:
  sqlite::Snapshot& snapshot_;
  const int connection_;
  const std::string no_copy_;
};

class HeldSources : public Sources {
 public:
  HeldSources(sqlite::Snapshot* snapshot, int connection) : snapshot_(snapshot), connection_(connection) {}
  absl::StatusOr<std::shared_ptr<Source>> Look(const std::string&, const Stopping&) override {
    if (snapshot_ == nullptr) return absl::FailedPreconditionError("this coordinator has no source open");
    return std::make_shared<HeldSource>(*snapshot_, connection_);
  }
  absl::StatusOr<std::shared_ptr<Source>> Open(const std::string& path, const std::string&,
                                               const Stopping& stopping) override {
    return Look(path, stopping);
  }
  void Discard(const std::string&) override {}

 private:
  sqlite::Snapshot* const snapshot_;
  const int connection_;
};

}  // namespace

std::shared_ptr<Sources> MakeHeldSources(sqlite::Snapshot* snapshot, int connection) {
  return std::make_shared<HeldSources>(snapshot, connection);
}

}  // namespace vecferry::coordinator
