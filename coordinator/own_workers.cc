#include <utility>

#include "coordinator/workers.h"

namespace vecferry::coordinator {
namespace {

class OwnWorkers : public Workers {
 public:
  explicit OwnWorkers(std::shared_ptr<rpc::VerifierClient> verifier) : verifier_(std::move(verifier)) {}
  std::optional<std::string> ChooseWriter(const std::map<std::string, int>&) override { return ""; }
  absl::StatusOr<std::shared_ptr<rpc::VerifierClient>> ChooseVerifier() override { return verifier_; }

 private:
  const std::shared_ptr<rpc::VerifierClient> verifier_;
};

}  // namespace

std::shared_ptr<Workers> MakeOwnWorkers(std::shared_ptr<rpc::VerifierClient> verifier) {
  return std::make_shared<OwnWorkers>(std::move(verifier));
}

}  // namespace vecferry::coordinator
