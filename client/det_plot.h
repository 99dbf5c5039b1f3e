// SPDX-License-Identifier: Apache-2.0
// The detection error trade-off of an evaluation as a picture: FNIR over FPIR, both on logarithmic
// axes, after ISO/IEC 19795-1, section 10.5, and NIST's FRTE 1:N reports. Pure functions,
// thread-safe.
#ifndef KLUIS_CLIENT_DET_PLOT_H_
#define KLUIS_CLIENT_DET_PLOT_H_

#include <string>

#include "kluis/v1/supervision_service.pb.h"

namespace kluis::client {

// One SVG with its own colours, for light and dark, 720 by 520 units: the curve, the rates at the
// policy's cut with their intervals, and in words what they are. A count of 0, which such an axis
// does not have, stands at half an error.
std::string DetSvg(const v1::EvaluationReport& report);

// One page that loads nothing: what was measured, the table of rates, and the plot.
std::string DetHtml(const v1::EvaluationReport& report);

}  // namespace kluis::client

#endif  // KLUIS_CLIENT_DET_PLOT_H_
