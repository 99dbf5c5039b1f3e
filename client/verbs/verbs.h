// SPDX-License-Identifier: Apache-2.0
// The verbs of kluis. Each group of them is one file, client/verbs/<group>.cc, whose names are in a
// namespace of its own.
#ifndef KLUIS_CLIENT_VERBS_VERBS_H_
#define KLUIS_CLIENT_VERBS_VERBS_H_

namespace kluis::client {

class CommandLine;

// Adds them all, in the order in which --help lists them.
void AddVerbs(CommandLine& line);

namespace key_verbs {
void Add(CommandLine& line);
}
namespace statement_verbs {
void Add(CommandLine& line);
}
namespace vault_verbs {
void Add(CommandLine& line);  // and policy
}
namespace seal_verbs {
void Add(CommandLine& line);  // of the group vault
}
namespace backup_verbs {
void Add(CommandLine& line);  // of the group vault
}
namespace clock_verbs {
void Add(CommandLine& line);  // and sweep
}
namespace authority_verbs {
void Add(CommandLine& line);
}
namespace purpose_verbs {
void Add(CommandLine& line);
}
namespace purpose_measure_verbs {
void Add(CommandLine& line);  // of the group purpose
}
namespace consent_verbs {
void Add(CommandLine& line);
}
namespace enroll_verbs {
void Add(CommandLine& line);
}
namespace case_verbs {
void Add(CommandLine& line);
}
namespace search_verbs {
void Add(CommandLine& line);  // identify and verify
}
namespace candidate_verbs {
void Add(CommandLine& line);
}
namespace release_verbs {
void Add(CommandLine& line);
}
namespace me_verbs {
void Add(CommandLine& line);
}
namespace order_verbs {
void Add(CommandLine& line);
}
namespace log_verbs {
void Add(CommandLine& line);
}
namespace synth_verbs {
void Add(CommandLine& line);
}
namespace completion_verbs {
void Add(CommandLine& line);  // of all verbs before it
}

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_VERBS_VERBS_H_
