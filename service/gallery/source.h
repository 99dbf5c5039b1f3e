// SPDX-License-Identifier: Apache-2.0
// Where a search reads the templates that its gallery does not keep (`gallery.refine = "disk"`).
#ifndef KLUIS_SERVICE_GALLERY_SOURCE_H_
#define KLUIS_SERVICE_GALLERY_SOURCE_H_

#include "matching/gallery.h"
#include "policy/grant.h"
#include "service/custody/sealer.h"
#include "storage/database.h"

namespace kluis::service {

// Reads templates from the database and opens them under `grant`, one after another in guarded
// memory. A row whose template ended, was renewed or restricted since is missing. All three must
// outlive the result, which serves one search. kDataLoss: a live template does not open. Others:
// the store's.
matching::TemplateSource TemplatesOnDisk(const storage::Database& database, const Sealer& sealer,
                                         const policy::Grant& grant);

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GALLERY_SOURCE_H_
