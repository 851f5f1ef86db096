#ifndef VECFERRY_TESTS_SUPPORT_FAKE_COORDINATOR_H_
#define VECFERRY_TESTS_SUPPORT_FAKE_COORDINATOR_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/base/mutex.h"
#include "common/rpc/server.h"
#include "vecferry/v1/coordinator.grpc.pb.h"

namespace vecferry::testing {

// A coordinator on a port of its own that answers beats and grants always the same lease, whose writer is its own
// address. Thread-safe.
class FakeCoordinator {
 public:
  explicit FakeCoordinator(absl::Duration interval = absl::Milliseconds(10), std::vector<std::string> snapshots = {})
      : workers_(*this), leases_(*this), interval_(interval), snapshots_(std::move(snapshots)) {
    Start("127.0.0.1:0");
  }

  const std::string& address() const { return address_; }
  void Stop() { server_.reset(); }
  void StartAgain() { Start(address_); }
  void set_snapshots(std::vector<std::string> snapshots) {
    base::MutexLock lock(&mutex_);
    snapshots_ = std::move(snapshots);
  }
  int beats() {
    base::MutexLock lock(&mutex_);
    return static_cast<int>(beats_.size());
  }
  // The beat of this number, from 1, once it has come.
  v1::BeatRequest AwaitBeat(int number = 1) {
    base::MutexLock lock(&mutex_);
    mutex_.Await([&]() ABSL_NO_THREAD_SAFETY_ANALYSIS { return static_cast<int>(beats_.size()) >= number; });
    return beats_[static_cast<std::size_t>(number - 1)];
  }
  void AwaitMore(int count) { AwaitBeat(beats() + count); }

 private:
  class Workers final : public v1::WorkerService::Service {
   public:
    explicit Workers(FakeCoordinator& owner) : owner_(owner) {}
    grpc::Status Beat(grpc::ServerContext*, const v1::BeatRequest* request, v1::BeatResponse* response) override {
      base::MutexLock lock(&owner_.mutex_);
      owner_.beats_.push_back(*request);
      response->set_interval_ms(static_cast<std::uint32_t>(absl::ToInt64Milliseconds(owner_.interval_)));
      for (const std::string& snapshot : owner_.snapshots_) response->add_snapshots(snapshot);
      return grpc::Status::OK;
    }

   private:
    FakeCoordinator& owner_;
  };

  class Leases final : public v1::LeaseService::Service {
   public:
    explicit Leases(FakeCoordinator& owner) : owner_(owner) {}
    grpc::Status Acquire(grpc::ServerContext*, const v1::AcquireRequest*, v1::AcquireResponse* response) override {
      response->mutable_lease()->set_migration_id("m");
      response->mutable_lease()->set_writer(owner_.address_);
      return grpc::Status::OK;
    }
    grpc::Status Complete(grpc::ServerContext*, const v1::LeaseRef*, v1::RenewResponse*) override {
      return grpc::Status::OK;
    }

   private:
    FakeCoordinator& owner_;
  };

  void Start(const std::string& listen) {
    auto server = rpc::Server::Start({.listen = listen}, {&workers_, &leases_});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    address_ = server_->address();
  }

  Workers workers_;
  Leases leases_;
  std::string address_;
  base::Mutex mutex_;
  const absl::Duration interval_;
  std::vector<std::string> snapshots_ ABSL_GUARDED_BY(mutex_);
  std::vector<v1::BeatRequest> beats_ ABSL_GUARDED_BY(mutex_);
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace vecferry::testing

#endif  // VECFERRY_TESTS_SUPPORT_FAKE_COORDINATOR_H_
