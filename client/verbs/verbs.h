// The groups of verbs; each is one file, verb_<group>.cc.
#ifndef KLUIS_CLIENT_VERBS_VERBS_H_
#define KLUIS_CLIENT_VERBS_VERBS_H_

namespace kluis::client {

class CommandLine;

void AddKeyVerbs(CommandLine& line);
void AddStatementVerbs(CommandLine& line);
void AddVaultVerbs(CommandLine& line);   // and policy
void AddSealVerbs(CommandLine& line);    // of the group vault
void AddBackupVerbs(CommandLine& line);  // of the group vault
void AddClockVerbs(CommandLine& line);   // and sweep
void AddAuthorityVerbs(CommandLine& line);
void AddPurposeVerbs(CommandLine& line);
void AddMeasurementVerbs(CommandLine& line);  // of the group purpose
void AddConsentVerbs(CommandLine& line);
void AddEnrollVerbs(CommandLine& line);
void AddCaseVerbs(CommandLine& line);
void AddSearchVerbs(CommandLine& line);  // identify and verify
void AddCandidateVerbs(CommandLine& line);
void AddReleaseVerbs(CommandLine& line);
void AddMeVerbs(CommandLine& line);
void AddOrderVerbs(CommandLine& line);
void AddLogVerbs(CommandLine& line);
void AddSynthVerbs(CommandLine& line);
void AddCompletionVerb(CommandLine& line);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_VERBS_VERBS_H_
