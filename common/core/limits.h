#ifndef VECFERRY_COMMON_CORE_LIMITS_H_
#define VECFERRY_COMMON_CORE_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace vecferry::core {

// What a migration may be asked for, by flags and by calls alike (docs/interface.md).

// Of a migration's connections to the destination, those that carry no rows.
inline constexpr int kLedgerConnections = 2;
// Each stream holds a commit group in memory, and a server's own default is 100 connections.
inline constexpr int kConnectionsMax = 64;
inline constexpr int kStreamsMax = kConnectionsMax - kLedgerConnections;
inline constexpr int kBatchRowsMax = 100'000;
// A field of Postgres ends at 1 GiB.
inline constexpr std::int64_t kRowBytesMax = (std::int64_t{1} << 30) - (1 << 20);
inline constexpr std::size_t kIdentifierBytesMax = 63;  // NAMEDATALEN - 1
inline constexpr std::int64_t kRejectsMax = 1'000'000'000'000;

}  // namespace vecferry::core

#endif  // VECFERRY_COMMON_CORE_LIMITS_H_
