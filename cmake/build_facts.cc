// SPDX-License-Identifier: Apache-2.0
// What the preprocessor knew of the hardening when this binary was built; `./check hardening` reads
// it back, because a binary does not show the level of FORTIFY by itself. It tells of the flags
// that this source was given, which are those of every source of Kluis (cmake/Kluis.cmake).
#define KLUIS_TEXT_OF(x) #x
#define KLUIS_TEXT(x) KLUIS_TEXT_OF(x)

#ifndef _FORTIFY_SOURCE
#define KLUIS_FORTIFY 0
#else
#define KLUIS_FORTIFY _FORTIFY_SOURCE
#endif

extern const char kluis_build_facts[];
__attribute__((used)) const char kluis_build_facts[] =
    "kluis-build-facts: fortify=" KLUIS_TEXT(KLUIS_FORTIFY);
