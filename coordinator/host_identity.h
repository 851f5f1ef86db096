#ifndef VECFERRY_COORDINATOR_HOST_IDENTITY_H_
#define VECFERRY_COORDINATOR_HOST_IDENTITY_H_

#include "common/postgres/ledger.h"

namespace vecferry::coordinator {

// Host name, boot id and pid of this process: what a second command needs to tell a dead holder from a living one.
postgres::CoordinatorIdentity ThisProcess();

}  // namespace vecferry::coordinator

#endif  // VECFERRY_COORDINATOR_HOST_IDENTITY_H_
