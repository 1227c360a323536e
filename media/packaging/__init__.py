"""From a publisher's FLV tags to CMAF parts and segments. Pure: no clock, no input or output."""
