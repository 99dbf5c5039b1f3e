// The version of kluisd. The entry of each start has it, and the status.
#ifndef KLUIS_SERVICE_PROCESS_VERSION_H_
#define KLUIS_SERVICE_PROCESS_VERSION_H_

namespace kluis::service {

inline constexpr char kVersion[] = "0.1.0";

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_PROCESS_VERSION_H_
