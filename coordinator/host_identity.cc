#include "coordinator/host_identity.h"

#include <unistd.h>

#include <fstream>
#include <string>

namespace vecferry::coordinator {

postgres::CoordinatorIdentity ThisProcess() {
  postgres::CoordinatorIdentity self;
  char host[256] = "";
  if (gethostname(host, sizeof(host) - 1) == 0) self.host = host;
  std::ifstream boot_id("/proc/sys/kernel/random/boot_id");
  std::getline(boot_id, self.boot_id);
  self.pid = static_cast<int>(getpid());
  return self;
}

}  // namespace vecferry::coordinator
