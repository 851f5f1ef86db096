// A reader stream whose writer or coordinator does not do what it asks.
#include <gmock/gmock.h>

#include <memory>
#include <thread>
#include <utility>

#include "tests/support/reader_fixture.h"

namespace vecferry::reader {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST_F(ReaderStreamTest, TriesAWriterAgainThatIsAwayOrFull) {
  writer_.Expect({{-1, absl::UnavailableError("away")},
                  {-1, absl::ResourceExhaustedError("2 streams")},
                  {4, absl::UnavailableError("gone")}});
  Run(leases_);
  EXPECT_EQ(Arrived(), Rowids(1, kRows));
  EXPECT_THAT(leases_.failed(), IsEmpty());
}

TEST_F(ReaderStreamTest, GivesUpAWriterThatStaysAway) {
  options_.retry_max = absl::ZeroDuration();
  writer_.Expect({{-1, absl::UnavailableError("away")}});
  Run(leases_);
  EXPECT_THAT(leases_.failed(), ElementsAre(StatusIs(absl::StatusCode::kUnavailable, HasSubstr("away"))));
  EXPECT_THAT(leases_.completed(), IsEmpty());
}

TEST_F(ReaderStreamTest, SaysThatAWriterStaysFull) {
  options_.retry_max = absl::ZeroDuration();
  writer_.Expect({{-1, absl::ResourceExhaustedError("4 of 4 streams")}});
  Run(leases_);
  EXPECT_THAT(leases_.failed(), ElementsAre(StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("4 of 4"))));
}

TEST_F(ReaderStreamTest, GivesTheShardUpWhenTheLeaseIsAnothers) {
  writer_.Expect({{3, absl::AbortedError("lease epoch 2")}});
  Run(leases_);
  EXPECT_EQ(writer_.opened(), 1);
  EXPECT_EQ(Arrived(), Rowids(1, 20)) << "the group that was committed before";
  EXPECT_THAT(leases_.failed(), ElementsAre(StatusIs(absl::StatusCode::kAborted, HasSubstr(""))));
}

TEST_F(ReaderStreamTest, PassesOnAnErrorThatNoRetryMends) {
  writer_.Expect({{1, absl::OutOfRangeError("more than 0 rejected rows")}});
  Run(leases_);
  EXPECT_EQ(writer_.opened(), 1);
  EXPECT_THAT(leases_.failed(), ElementsAre(StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("rejected"))));
}

TEST_F(ReaderStreamTest, SendsNoMessageAgainThatTheWriterCannotRead) {
  writer_.Expect({{1, absl::OkStatus()}});
  Run(leases_);
  EXPECT_EQ(writer_.opened(), 1);
  EXPECT_THAT(leases_.failed(), ElementsAre(StatusIs(absl::StatusCode::kInternal, HasSubstr("before the last row"))));
}

TEST_F(ReaderStreamTest, CarriesNothingByAnotherRevisionOfThePlan) {
  rpc::Lease lease = MakeLease();
  lease.plan_revision = 1;
  FakeLeases leases(MakePlan(), {lease});
  Run(leases);
  EXPECT_EQ(writer_.opened(), 0);
  EXPECT_THAT(leases.failed(), ElementsAre(StatusIs(absl::StatusCode::kUnavailable, HasSubstr("revision 0, not 1"))));
}

// Says after its leases that there are none now, and more may come.
class IdleLeases : public FakeLeases {
 public:
  using FakeLeases::FakeLeases;
  absl::StatusOr<rpc::Acquired> Acquire(const std::string& worker) override {
    absl::StatusOr<rpc::Acquired> acquired = FakeLeases::Acquire(worker);
    if (acquired.ok()) acquired->finished = false;
    return acquired;
  }
};

TEST_F(ReaderStreamTest, LetsGoOfItsSourceWhenNoShardComesForAWhile) {
  options_.stay = Stay::kUntilStopped;
  options_.source_kept = absl::ZeroDuration();
  auto source = std::make_shared<sqlite::SnapshotConnection>(*sqlite::Database::Open(file_.path(), false));
  const std::weak_ptr<sqlite::SnapshotConnection> held = source;
  IdleLeases leases(MakePlan(), {MakeLease()});
  const std::shared_ptr<rpc::WriterClient> client(std::shared_ptr<void>(), &writer_);
  stream_ = MakeReaderStream(
      options_, [&](const std::string&, const std::function<bool()>&) { return std::move(source); }, leases,
      [client](const std::string&) { return client; });
  std::thread reader([this] { EXPECT_THAT(stream_->Run(), IsOk()); });
  while (!held.expired()) std::this_thread::yield();
  EXPECT_EQ(Arrived(), Rowids(1, kRows));
  stream_->Stop();
  reader.join();
}

}  // namespace
}  // namespace vecferry::reader
